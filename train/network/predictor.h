// Pictures to classes, by a trained network.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/preprocess.h"
#include "nn/module.h"
#include "train/network/network.h"

namespace ghost {

struct ClassScore {
  int64_t index = 0;  // of the network's output
  std::string name;
  double probability = 0;  // softmax over all outputs, in f64
};

// What is known of one picture.
struct Prediction {
  std::filesystem::path file;
  std::string error;            // says why there is no prediction, naming the file; empty: there is one
  std::vector<ClassScore> top;  // the most probable classes, best first; of equals the first class
  std::vector<double> logits;   // all outputs before softmax, if asked for
};

struct PredictOptions {
  int64_t top = 5;          // classes for each picture, at least 1; never more than there are
  int64_t batch_size = 32;  // pictures that go through the network together, at least 1
  bool logits = false;      // give them as well
};

class Predictor {
 public:
  // Takes the network's model into evaluation mode. Throws Error if its preprocessing is not known.
  explicit Predictor(const Network& network);
  const std::vector<std::string>& classes() const { return classes_; }

  // Predicts file by file, in order, and hands each to `each` as soon as its batch is done. A file that cannot be read
  // is a prediction with `error`; it takes no place in a batch's results. Pictures are decoded by all compute threads.
  // Threads cannot change results; the batch size can in the last digits, where a matrix product serves a whole batch.
  // Throws UsageError for options out of range, and NotFiniteError if the network answers with NaN or infinity.
  void predict(const std::vector<std::filesystem::path>& files, const PredictOptions& options,
               const std::function<void(const Prediction&)>& each);

 private:
  std::vector<Prediction> predict_batch(std::span<const std::filesystem::path> files, const PredictOptions& options);

  std::vector<std::string> classes_;
  Preprocessing preprocessing_;
  Preprocessor preprocessor_;
  ModulePtr model_;
};

}  // namespace ghost
