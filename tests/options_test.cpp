// Options described once (core/options.h): what values may be, how that is said, and what a description refuses.
#include "core/options.h"

#include <cmath>
#include <gmock/gmock.h>

#include "support/modules.h"

namespace ghost {

struct Oven {  // as any struct of options, with its two functions beside it
  std::string name = "gas";
  double degrees = 180;
  int64_t trays = 2;
  std::vector<double> minutes{20};
  bool fan = false;
};
void describe(Oven& c, Description& d) {
  d.name(&c.name, "what heats", {{"gas", "", {}}, {"electric", "", {"fan"}}});
  d.field("degrees", &c.degrees, "how hot", rule::above(0, 300));
  d.field("trays", &c.trays, "how many", rule::one_of({"1", "2", "4"}));
  FieldRule minutes = rule::at_least(1);
  minutes.empty_list = false;
  d.field("minutes", &c.minutes, "how long each", minutes);
  d.field("fan", &c.fan, "whether");
}
void check_together(const Oven& c, const Finding& refuse, const Finding& note) {
  if (c.degrees > 250 && c.trays > 2) refuse({"oven.trays"}, "oven.trays is more than 2, but oven.degrees is too");
  note({}, "of no importance");
}

struct Misnamed {
  std::string name = "a";
  int64_t size = 1;
};
void describe(Misnamed& c, Description& d) {
  d.name(&c.name, "", {{"a", "", {"sice"}}});
  d.field("size", &c.size, "");
}

namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string problems(const Oven& oven) {
  return error_of([&] { check_options(oven, "oven"); });
}

TEST(CheckOptions, RefusesEveryKindOfWrongValue) {
  EXPECT_NO_THROW(check_options(Oven(), "oven"));
  EXPECT_EQ(problems({.name = "gass"}), "oven.name is 'gass', but must be gas or electric; did you mean 'gas'?");
  EXPECT_EQ(problems({.name = ""}), "oven.name is nothing, but must be gas or electric");
  EXPECT_EQ(problems({.degrees = 0}), "oven.degrees is 0, but must be above 0");
  EXPECT_EQ(problems({.degrees = 301}), "oven.degrees is 301, but must be at most 300");
  EXPECT_EQ(problems({.degrees = std::nan("")}), "oven.degrees is nan, but must be finite");
  EXPECT_EQ(problems({.degrees = INFINITY}), "oven.degrees is inf, but must be finite");
  EXPECT_EQ(problems({.trays = 3}), "oven.trays is 3, but must be 1, 2 or 4");
  EXPECT_EQ(problems({.minutes = {}}), "oven.minutes is empty, but must have at least one value");
  EXPECT_EQ(problems({.minutes = {5, 0.5}}), "oven.minutes (value 2 of 2) is 0.5, but must be at least 1");
  EXPECT_EQ(problems({.minutes = std::vector<double>(1001, 1)}),
            "oven.minutes has 1001 values, but must have at most 1000");
}

TEST(CheckOptions, ReportsAllProblemsAtOnce) {
  EXPECT_EQ(problems({.degrees = -1, .trays = 0}),
            "oven.degrees is -1, but must be above 0\noven.trays is 0, but must be 1, 2 or 4");
}

TEST(CheckOptions, RefusesCombinationsOfValidValues) {
  EXPECT_EQ(problems({.degrees = 260, .trays = 4}), "oven.trays is more than 2, but oven.degrees is too");
  EXPECT_EQ(problems({.degrees = 999, .trays = 4}), "oven.degrees is 999, but must be at most 300")
      << "not of values that are wrong already";
}

TEST(Limits, AreSaidInWords) {
  EXPECT_EQ(rule::at_least(1, 8192).limits.str(), "1 to 8192");
  EXPECT_EQ(rule::at_least(1).limits.str(), "at least 1");
  EXPECT_EQ(rule::above(0).limits.str(), "above 0");
  EXPECT_EQ(rule::above(0, 1).limits.str(), "in (0, 1]");
  EXPECT_EQ(rule::below_one().limits.str(), "in [0, 1)");
  EXPECT_EQ(rule::share().limits.str(), "0 to 1");
  EXPECT_EQ(Limits().str(), "");
  EXPECT_EQ((Limits{.most = 5}.str()), "at most 5");
}

TEST(Description, KnowsWhoReadsAnOption) {
  Oven oven;
  Description d;
  d.section("oven", "", oven);
  EXPECT_THAT(Description::owners(*d.find_section("oven"), "oven.fan"), ElementsAre("electric"));
  EXPECT_THAT(Description::owners(*d.find_section("oven"), "oven.trays"), IsEmpty());
  const Section* section = nullptr;
  EXPECT_THAT(d.owners_elsewhere("oven.fan", section), ElementsAre("electric"));
  EXPECT_EQ(section, d.find_section("oven"));
  oven.name = "electric";
  EXPECT_THAT(d.owners_elsewhere("oven.fan", section), IsEmpty());
}

TEST(Description, RefusesAnOptionThatThereIsNotAndOneThatIsThereTwice) {
  Misnamed misnamed;
  Description d;
  EXPECT_EQ(error_of([&] { d.section("thing", "", misnamed); }),
            "thing.name 'a' lists the option 'sice', but there is no thing.sice; did you mean 'size'?");
  Oven oven;
  Description twice;
  twice.section("oven", "", oven);
  EXPECT_THAT(error_of([&] { twice.field("oven.fan", &oven.fan, ""); }), HasSubstr("oven.fan is described twice"));
}

TEST(OptionValues, KeepTheirTypes) {
  OptionValues values;
  const OwnOption share{"share", 0.5, ""};
  EXPECT_EQ(std::get<double>(values.declare(share)), 0.5);
  values.set("share", 2);
  EXPECT_EQ(std::get<double>(values.declare(share)), 2) << "a whole number is a number";
  EXPECT_EQ(values.get<double>("share"), 2);
  values.set("share", true);
  EXPECT_EQ(error_of([&] { values.declare(share); }), "the option 'share' is true or false, but must be a number");
  EXPECT_THAT(error_of([&] { values.get<double>("share"); }), HasSubstr("was asked for as a number"));
}

}  // namespace
}  // namespace ghost
