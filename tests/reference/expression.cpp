#include <cctype>
#include <map>

#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "reference/op_run.h"

// program   := statement { "," statement } [ ";" remark ]
// statement := name "=" sum [ "(" remark ")" ]
// sum       := product { ("+" | "-") product }
// product   := value { ("*" | "/") value }
// value     := name | function "(" sum { "," option } ")" | "(" sum ")"
// option    := ("dim" | "dims") [ "=" ] integer
// Everything happens in PyTorch's axes: nothing in here has a channel dimension of its own.
namespace ghost::reference {
namespace {

using ReduceOp = Tensor (*)(const Tensor&, const std::vector<int>&, bool);

class Expression {
 public:
  Expression(std::string text, std::map<std::string, Tensor> values)
      : text_(std::move(text)), values_(std::move(values)) {}

  // Results by name, in order.
  std::vector<std::pair<std::string, Tensor>> run() {
    std::vector<std::pair<std::string, Tensor>> results;
    do {
      const std::string name = identifier();
      expect('=');
      results.emplace_back(name, sum());
      values_[name] = results.back().second;
      if (accept('(')) skip_remark();
    } while (accept(','));
    if (peek() != ';' && peek() != '\0') give_up("the end or ';'");
    return results;
  }

 private:
  [[noreturn]] void give_up(const char* expected) const {
    fail("expr \"{}\": at character {}: expected {}", text_, at_, expected);
  }
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) at_++;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    at_++;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) give_up(std::string{'\'', c, '\''}.c_str());
  }
  std::string identifier() {
    peek();
    std::string name;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
      name += text_[at_++];
    if (name.empty()) give_up("a name");
    return name;
  }
  int integer() {
    const bool negative = accept('-');
    const int value = std::stoi(identifier());
    return negative ? -value : value;
  }
  void skip_remark() {
    while (at_ < text_.size() && text_[at_] != ')') at_++;
    expect(')');
  }

  Tensor sum() {
    Tensor value = product();
    for (;;) {
      if (accept('+'))
        value = add(value, product());
      else if (accept('-'))
        value = sub(value, product());
      else
        return value;
    }
  }
  Tensor product() {
    Tensor result = value();
    for (;;) {
      if (accept('*'))
        result = mul(result, value());
      else if (accept('/'))
        result = div(result, value());
      else
        return result;
    }
  }
  Tensor value() {
    if (accept('(')) {
      const Tensor inner = sum();
      expect(')');
      return inner;
    }
    const std::string name = identifier();
    if (const auto found = values_.find(name); found != values_.end()) return found->second;
    return call(name);
  }
  Tensor call(const std::string& function) {
    static const std::map<std::string, ReduceOp> reductions{{"sum", ghost::sum}, {"mean", ghost::mean}};
    const UnaryOp unary = find_unary(function);
    const auto reduction = reductions.find(function);
    if (!unary && reduction == reductions.end())
      fail("expr \"{}\": {} is neither an input nor a function", text_, function);
    expect('(');
    const Tensor x = sum();
    std::vector<int> dims;
    while (accept(',')) {
      const std::string option = identifier();
      if (unary || (option != "dim" && option != "dims")) fail("expr \"{}\": unknown option {}", text_, option);
      accept('=');
      dims.push_back(integer());
    }
    expect(')');
    return unary ? unary(x) : reduction->second(x, dims, false);
  }

  std::string text_;
  std::map<std::string, Tensor> values_;
  size_t at_ = 0;
};

}  // namespace

void run_expression(OpRun& run) {
  std::map<std::string, Tensor> values;
  for (const std::string& name : run.inputs()) values[name] = run.plain_input(name);
  for (const auto& [name, result] : Expression(run.args().text("expr"), values).run())
    run.output(name, result, plain(result.rank()));
}

}  // namespace ghost::reference
