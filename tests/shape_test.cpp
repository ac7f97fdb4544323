#include "core/shape.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace ghost::test {
namespace {

TEST(Shape, CountsElementsPixelsAndChannels) {
  const Shape x{2, 3, 5, 7};
  EXPECT_EQ(x.rank(), 4);
  EXPECT_EQ(x.numel(), 210);
  EXPECT_EQ(x.pixels(), 30);
  EXPECT_EQ(x.channels(), 7);
  EXPECT_EQ(Shape({2, 0, 5}).numel(), 0);
}

TEST(Shape, OfRankZeroHasOneElement) {
  const Shape scalar;
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.numel(), 1);
  EXPECT_EQ(scalar.pixels(), 1);
  EXPECT_EQ(scalar.channels(), 1);
  EXPECT_EQ(scalar.str(), "()");
}

TEST(Shape, CountsDimensionsFromTheEnd) {
  Shape x{2, 3, 5};
  EXPECT_EQ(x[-1], 5);
  EXPECT_EQ(x[-3], 2);
  x[-1] = 9;
  EXPECT_EQ(x, (Shape{2, 3, 9}));
}

TEST(Shape, EqualityNeedsEqualRank) {
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
  EXPECT_NE((Shape{1}), Shape());
  EXPECT_EQ(Shape(std::vector<int64_t>{4, 5}), (Shape{4, 5}));
}

TEST(Shape, PrintsAsATuple) { EXPECT_EQ((Shape{2, 3, 4}).str(), "(2, 3, 4)"); }

TEST(Shape, RefusesNegativeSizesAndTooManyDimensions) {
  EXPECT_THROW((Shape{2, -1}), Error);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), Error);
  EXPECT_NO_THROW((Shape{1, 1, 1, 1, 1, 1}));
}

}  // namespace
}  // namespace ghost::test
