// Comparison of a result with the reference, with a report of the worst element.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "reference/case.h"

namespace ghost::reference {

// Fails the running test unless `got`, in the reference's axes, has the shape of the tensor `name` of the case and lies
// within its tolerance, or within `rtol` of its largest element if that is more. i64 tensors must be equal. A NaN
// equals nothing.
void expect_close(const Case& c, const std::string& name, const Tensor& got, double rtol = 0);
// The same with a result in our axes.
void expect_close(const Case& c, const std::string& name, const Tensor& ours, const Layout& layout, double rtol = 0);
// One number: a norm, a loss.
void expect_close(const Case& c, const std::string& name, double got, double rtol = 0);
// For a gradient behind ReLUs, which jumps where an input of theirs rounds to the other side of 0: one that is outside
// its tolerance passes if the same computation in f64, where nothing rounds across, is inside and it is itself off by
// no more than ten times as much. All in the reference's axes.
void expect_gradient(const Case& c, const std::string& name, const Tensor& got, const std::function<Tensor()>& in_f64);

// By a tolerance of one's own, in units of the result.
void expect_within(const std::string& what, double got, double reference, double allowed);
void expect_all_within(const std::string& what, const std::vector<double>& got, const std::vector<double>& reference,
                       const Shape& shape, double allowed);

double largest_magnitude(const std::vector<double>& values);

double l2_norm(const Tensor& t);  // in f64; 0 if undefined

}  // namespace ghost::reference
