#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/rng.h"
#include "data/batch_mixer.h"
#include "data/preprocess.h"

namespace ghost {
namespace {

// Samples are handed to workers in parts of a batch, so that the first batch of large pictures is shared too.
constexpr int64_t kPart = 16;

// A batch on its way. Each part writes its own rows, reasons and error; the counts are guarded by the loader's mutex.
struct Slot {
  int64_t number = 0;
  std::vector<int64_t> samples;            // indices in the data set
  Tensor images;                           // (N, H, W, C)
  float* values = nullptr;                 // of images
  std::vector<std::string> unreadable;     // why, per sample; empty: it was read
  std::vector<std::exception_ptr> errors;  // per part: anything else
  int64_t taken = 0, done = 0;             // parts

  int64_t parts() const { return static_cast<int64_t>(errors.size()); }
};

struct Part {
  std::shared_ptr<Slot> slot;  // null: nothing to do
  int64_t number = 0;
};

}  // namespace

struct Loader::Impl {
  Impl(DatasetPtr dataset, const DataSplits& splits, const AugmentConfig& augment, const LoaderConfig& config,
       Warn warn);
  ~Impl();

  int64_t samples() const { return dataset_->size(); }
  int64_t batches() const { return (samples() + config_.batch_size - 1) / config_.batch_size; }
  void start(int64_t epoch, int64_t first_batch);
  std::optional<Batch> next();

  double seconds_waited_ = 0;

 private:
  void work(const std::stop_token& stop);
  void prepare(const Part& part, int64_t epoch) const;
  void run(const Part& part, int64_t epoch);
  void fill_ahead();  // mutex held
  Part take_part();   // mutex held
  std::shared_ptr<Slot> wait_for_slot();
  void report(const Slot& slot);
  Batch batch_of(const Slot& slot) const;

  void take_size(int64_t epoch);

  const DatasetPtr dataset_;
  const DataSplits splits_;
  const AugmentConfig augment_;
  std::unique_ptr<const Preprocessor> preprocessor_;  // for pictures of size_; changes while no part is under way
  const BatchMixer mixer_;
  int64_t size_;
  const int64_t channels_;
  const LoaderConfig config_;
  const Warn warn_;

  std::mutex mutex_;
  std::condition_variable_any part_to_do_;
  std::condition_variable part_done_;
  std::vector<int64_t> order_;
  int64_t epoch_ = 0, next_number_ = 0;
  int64_t busy_ = 0;                         // parts under way
  std::deque<std::shared_ptr<Slot>> ahead_;  // in order

  // Of the consuming thread alone.
  std::set<int64_t> unreadable_;  // samples that were named, since the loader was made
  std::string first_unreadable_;

  std::vector<std::jthread> workers_;  // last: they end before what they use
};

void describe(LoaderConfig& c, Description& d) {
  d.field("batch_size", &c.batch_size, "images at a time", rule::at_least(1));
  describe_loading(c.workers, c.prefetch, c.max_unreadable, d, "data.");
}

Loader::Impl::Impl(DatasetPtr dataset, const DataSplits& splits, const AugmentConfig& augment,
                   const LoaderConfig& config, Warn warn)
    : dataset_(std::move(dataset)),
      splits_(splits),
      augment_(augment),
      preprocessor_(std::make_unique<Preprocessor>(splits, augment)),
      mixer_(config.training ? augment : AugmentConfig(), std::ssize(dataset_->class_names())),
      size_(splits.image_size),
      channels_(splits.channels),
      config_(config),
      warn_(std::move(warn)) {
  check_options(config, "");
  for (int64_t i = 0; i < config.workers; i++)
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

Loader::Impl::~Impl() {
  for (std::jthread& worker : workers_) worker.request_stop();  // all at once; their destructors join
}

void Loader::Impl::start(int64_t epoch, int64_t first_batch) {
  if (epoch < 0 || first_batch < 0 || first_batch > batches())
    fail("loader: epoch {}, batch {}; an epoch has {} batches", epoch, first_batch, batches());
  std::unique_lock lock(mutex_);
  ahead_.clear();
  part_done_.wait(lock, [this] { return busy_ == 0; });
  epoch_ = epoch, next_number_ = first_batch, seconds_waited_ = 0;
  take_size(epoch);
  if (config_.training) {
    order_ = RandomStream(config_.seed, "shuffle", {static_cast<uint64_t>(epoch)}).permutation(samples());
  } else {
    order_.resize(static_cast<size_t>(samples()));
    std::iota(order_.begin(), order_.end(), 0);
  }
  fill_ahead();
}

void Loader::Impl::take_size(int64_t epoch) {
  if (!config_.training || config_.image_sizes.empty()) return;
  const int64_t size = value_in(config_.image_sizes, epoch);
  if (size == size_) return;
  size_ = size;
  DataSplits scaled = splits_;
  scaled.image_size = size;
  // In the proportion that evaluation has.
  scaled.resize = std::max<int64_t>(1, (splits_.resize * size + splits_.image_size / 2) / splits_.image_size);
  preprocessor_ = std::make_unique<Preprocessor>(scaled, augment_);
}

// Memory of batches is taken here, on the consuming thread, which also gives it back.
void Loader::Impl::fill_ahead() {
  while (next_number_ < batches() && static_cast<int64_t>(ahead_.size()) < config_.prefetch) {
    auto slot = std::make_shared<Slot>();
    slot->number = next_number_++;
    const int64_t begin = slot->number * config_.batch_size, end = std::min(begin + config_.batch_size, samples());
    slot->samples.assign(order_.begin() + begin, order_.begin() + end);
    slot->images = Tensor::empty({end - begin, size_, size_, channels_});
    slot->values = slot->images.mutable_data<float>();
    slot->unreadable.resize(slot->samples.size());
    slot->errors.resize(static_cast<size_t>((end - begin + kPart - 1) / kPart));
    ahead_.push_back(std::move(slot));
  }
  part_to_do_.notify_all();
}

Part Loader::Impl::take_part() {
  for (const auto& slot : ahead_) {
    if (slot->taken == slot->parts()) continue;
    busy_++;
    return {.slot = slot, .number = slot->taken++};
  }
  return {};
}

void Loader::Impl::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    Part part;
    part_to_do_.wait(lock, stop, [&] { return (part = take_part()).slot != nullptr; });
    if (!part.slot) return;
    const int64_t epoch = epoch_;
    lock.unlock();
    run(part, epoch);
    part = {};
    lock.lock();
  }
}

void Loader::Impl::run(const Part& part, int64_t epoch) {
  try {
    prepare(part, epoch);
  } catch (...) {
    part.slot->errors[static_cast<size_t>(part.number)] = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  part.slot->done++, busy_--;
  part_done_.notify_all();
}

void Loader::Impl::prepare(const Part& part, int64_t epoch) const {
  Slot& slot = *part.slot;
  const int64_t begin = part.number * kPart;
  const int64_t end = std::min(begin + kPart, static_cast<int64_t>(slot.samples.size()));
  for (int64_t i = begin; i < end; i++) {
    const int64_t sample = slot.samples[static_cast<size_t>(i)];
    float* out = slot.values + i * preprocessor_->values();
    std::string& why = slot.unreadable[static_cast<size_t>(i)];
    Image image;
    try {
      image = dataset_->read(sample);
    } catch (const ImageError& error) {
      why = error.what();
      continue;
    }
    try {
      if (config_.training) {
        preprocessor_->training(std::move(image), {.seed = config_.seed, .epoch = epoch, .sample = sample}, out);
      } else {
        preprocessor_->evaluation(std::move(image), out);
      }
    } catch (const ImageError& error) {
      why = dataset_->name(sample) + ": " + error.what();
    }
  }
}

// The next batch, whole; empty at the end of the epoch.
std::shared_ptr<Slot> Loader::Impl::wait_for_slot() {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  if (ahead_.empty()) return nullptr;
  const std::shared_ptr<Slot> slot = ahead_.front();
  while (workers_.empty() && slot->done < slot->parts()) {
    const Part part = take_part();
    lock.unlock();
    run(part, epoch_);
    lock.lock();
  }
  part_done_.wait(lock, [&] { return slot->done == slot->parts(); });
  ahead_.pop_front();
  fill_ahead();
  seconds_waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return slot;
}

void Loader::Impl::report(const Slot& slot) {
  for (size_t i = 0; i < slot.samples.size(); i++) {
    if (slot.unreadable[i].empty() || !unreadable_.insert(slot.samples[i]).second) continue;
    if (first_unreadable_.empty()) first_unreadable_ = slot.unreadable[i];
    if (warn_) warn_(fmt::format("image left out: {}", slot.unreadable[i]));
  }
  const auto count = static_cast<double>(unreadable_.size());
  if (count > config_.max_unreadable * static_cast<double>(samples()))
    fail("{} of {} images cannot be read, more than the share of {} that data.max_unreadable allows; the first is {}",
         unreadable_.size(), samples(), config_.max_unreadable, first_unreadable_);
}

Batch Loader::Impl::batch_of(const Slot& slot) const {
  Batch batch;
  batch.number = slot.number;
  std::vector<int64_t> labels, rows;
  for (size_t i = 0; i < slot.samples.size(); i++) {
    if (!slot.unreadable[i].empty()) continue;
    rows.push_back(static_cast<int64_t>(i));
    batch.indices.push_back(slot.samples[i]);
    labels.push_back(dataset_->label(slot.samples[i]));
  }
  const auto count = static_cast<int64_t>(rows.size());
  batch.labels = Tensor::from(labels, {count});
  if (rows.size() == slot.samples.size()) {
    batch.images = slot.images;
  } else {
    batch.images = Tensor::empty({count, size_, size_, channels_});
    auto* to = batch.images.mutable_data<float>();
    const int64_t values = preprocessor_->values();
    for (const int64_t row : rows) to = std::copy_n(slot.values + row * values, values, to);
  }
  return batch;
}

std::optional<Batch> Loader::Impl::next() {
  while (const std::shared_ptr<Slot> slot = wait_for_slot()) {
    for (const std::exception_ptr& error : slot->errors)
      if (error) std::rethrow_exception(error);
    report(*slot);
    Batch batch = batch_of(*slot);
    if (batch.indices.empty()) continue;
    if (config_.training) mixer_.mix(batch, {.seed = config_.seed, .epoch = epoch_});
    return batch;
  }
  return std::nullopt;
}

Loader::Loader(DatasetPtr dataset, const DataSplits& splits, const AugmentConfig& augment, const LoaderConfig& config,
               Warn warn)
    : impl_(std::make_unique<Impl>(std::move(dataset), splits, augment, config, std::move(warn))) {}
Loader::~Loader() = default;

int64_t Loader::batches() const { return impl_->batches(); }
void Loader::start(int64_t epoch, int64_t first_batch) { impl_->start(epoch, first_batch); }
std::optional<Batch> Loader::next() { return impl_->next(); }
double Loader::seconds_waited() const { return impl_->seconds_waited_; }

}  // namespace ghost
