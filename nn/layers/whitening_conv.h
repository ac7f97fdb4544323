#pragma once
#include "nn/data_init.h"
#include "nn/layers/conv2d.h"

namespace ghost {

// A convolution without padding that decorrelates the pixels of a patch: its filters are the eigenvectors of the
// patches' second moments, each divided by the root of its eigenvalue, and the same with the other sign, so that a ReLU
// behind it loses nothing (Jordan, arXiv 2404.00498, section 3.2). The weight follows from training images and does not
// train; the bias, 0 at the start, does. x (N, H, W, in) → y (N, H − kernel + 1, W − kernel + 1, 2·kernel²·in).
class WhiteningConv final : public Module, public InitialisedFromData {
 public:
  struct Options {
    int64_t in = 3, kernel = 2;
    double eps = 5e-4;  // is added to the eigenvalues
    int64_t out() const { return 2 * kernel * kernel * in; }
  };
  explicit WhiteningConv(const Options& options);
  const char* kind() const override { return "WhiteningConv"; }
  void initialise_from(const Tensor& images) override;
  int64_t macs(const Shape& x, const Shape& y) const override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Options options_;
  Tensor weight_, bias_;
};

}  // namespace ghost
