#include "core/op_recorder.h"

#include "core/error.h"

namespace ghost {
namespace {

thread_local OpRecorder* active = nullptr;

}  // namespace

OpRecorder* active_recorder() { return active; }

OpRecorder::OpRecorder() : before_(active) { active = this; }
OpRecorder::~OpRecorder() { active = before_; }

void OpRecorder::add(OpCall call) {
  const BodyPtr& body = call.result.body();
  for (size_t i = calls_.size(); i-- > 0;)
    if (calls_[i].result.body() == body) {
      if (call.described) calls_[i] = std::move(call);
      return;
    }
  calls_.push_back(std::move(call));
}

const std::vector<double>& OpCall::attribute(const std::string& name) const {
  for (const OpAttribute& a : attributes)
    if (a.name == name) return a.values;
  fail("{}: has no attribute {}", op, name);
}

}  // namespace ghost
