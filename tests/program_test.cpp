// ghost-train and ghost-eval as a user meets them: what they print, what they leave behind, and how they end.
#include <map>

#include "program/programs.h"

namespace ghost {
namespace {

TEST_F(Programs, TrainAndTestAgree) {
  const Finished run = train_tiny("run");
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  for (const char* file : {"config.yaml", "metrics.jsonl", "train.log"}) EXPECT_TRUE(fs::exists(dir_ / "run" / file));
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("plain_cnn"), HasSubstr("96 training and 40 test images"), HasSubstr("epoch 3/3"),
                    HasSubstr("Test accuracy"), HasSubstr("run/checkpoints/best.safetensors"),
                    HasSubstr("ghost-eval --checkpoint"), Not(HasSubstr("\033"))));
  EXPECT_THAT(file_text(dir_ / "run/train.log"), HasSubstr("Test accuracy"));

  const auto epoch = metrics("run").back();
  const Finished test = eval({"--checkpoint", "run/checkpoints/last.safetensors", "--json"});
  ASSERT_EQ(test.status, 0) << test.err;
  const auto json = nlohmann::json::parse(test.out);
  EXPECT_EQ(json.at("top1"), epoch.at("test_top1"));
  EXPECT_EQ(json.at("top5"), epoch.at("test_top5"));
  EXPECT_EQ(json.at("loss"), epoch.at("test_loss"));
  EXPECT_EQ(json.at("count"), 40);
  EXPECT_GT(json.at("images_per_second").get<double>(), 0);

  // A run directory stands for its best checkpoint.
  const auto of_dir = nlohmann::json::parse(eval({"--checkpoint", "run", "--json"}).out);
  EXPECT_EQ(of_dir.at("top1"), epoch.at("best_top1"));
  EXPECT_THAT(of_dir.at("checkpoint").get<std::string>(), EndsWith("best.safetensors"));
}

TEST_F(Programs, EvalPrintsClassesAndConfusion) {
  ASSERT_EQ(train_tiny("run", {"--set", "train.epochs=1"}).status, 0);
  const auto json = nlohmann::json::parse(eval({"--checkpoint", "run", "--json", "--per-class"}).out);
  ASSERT_EQ(json.at("per_class").size(), 4U);
  int64_t right = 0, all = 0;
  double mean = 0;
  for (size_t t = 0; t < 4; ++t) {
    int64_t row = 0;
    for (size_t p = 0; p < 4; ++p) {
      row += json.at("confusion")[t][p].get<int64_t>();
      if (t == p) right += json.at("confusion")[t][p].get<int64_t>();
    }
    EXPECT_EQ(row, json.at("per_class")[t].at("count"));
    mean += json.at("per_class")[t].at("top1").get<double>() * static_cast<double>(row);
    all += row;
  }
  EXPECT_EQ(all, 40);
  EXPECT_DOUBLE_EQ(json.at("top1").get<double>(), 100.0 * static_cast<double>(right) / 40);
  EXPECT_DOUBLE_EQ(json.at("top1").get<double>(), mean / 40);
  const Finished text = eval({"--checkpoint", "run", "--per-class"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("top1"), HasSubstr("top5"), HasSubstr("confusion matrix"), HasSubstr(" %")));
}

TEST_F(Programs, PrintConfigGivesAFileThatGivesTheSame) {
  const Finished first = train({"--config", "tiny.yaml", "--set", "model.channels=[3,5]", "--print-config"});
  ASSERT_EQ(first.status, 0) << first.err;
  dir_.write("printed.yaml", std::string_view(first.out));
  const Finished second = train({"--config", "printed.yaml", "--print-config"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_EQ(second.out, first.out);
  EXPECT_FALSE(fs::exists(dir_ / "runs"));
  // And so does the copy in the run directory.
  ASSERT_EQ(train_tiny("run", {"--set", "train.epochs=1"}).status, 0);
  const Finished copy = train({"--config", "run/config.yaml", "--print-config"});
  EXPECT_EQ(copy.out, train({"--config", "tiny.yaml", "--set", "train.epochs=1", "--print-config"}).out);
}

TEST_F(Programs, PrintConfigRefusesWhatTrainingRefuses) {
  struct Wrong {
    const char* because;
    Words sets;
  };
  const std::vector<Wrong> all{
      {"data.augment.brightness is 11, but must be in [0, 10]", {"data.augment.brightness=11"}},
      {"data.resize is 9000, but must be at most 8192", {"data.resize=9000"}},
      {"train.accumulate is 3, which does not divide", {"train.batch_size=16", "train.accumulate=3"}},
      {"train.freeze: 'nothing.like.it' matches no parameter", {"train.freeze=[nothing.like.it]"}},
      {"model.in_channels is 3, but data.channels", {"model.in_channels=3", "data.channels=1"}},
      {"ratio=2.5, but must be a whole number", {"model.conv.name=ghost", "model.conv.ratio=2.5"}},
      {"cheap_kernel=4 is even", {"model.conv.name=ghost", "model.conv.cheap_kernel=4"}},
      {"groups=3 does not divide", {"model.conv.name=grouped", "model.conv.groups=3"}},
      {"depth=21, but it is one of", {"model.name=resnet", "model.depth=21"}}};
  for (const auto& [because, sets] : all) {
    Words arguments{"--config", "tiny.yaml"};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Finished trained = train(arguments);
    arguments.emplace_back("--print-config");
    const Finished printed = train(arguments);
    EXPECT_EQ(printed.status, 2) << because;
    EXPECT_EQ(printed.out, "") << because;
    EXPECT_THAT(printed.err, HasSubstr(because));
    EXPECT_THAT(trained.err, HasSubstr(because));
  }
  const Finished known =
      train({"--config", "tiny.yaml", "--set", "data.name=cifar10", "--set", "model.num_classes=3", "--print-config"});
  EXPECT_EQ(known.status, 2);
  EXPECT_THAT(known.err, HasSubstr("model.num_classes is 3, but cifar10 has 10 classes")) << "without its files";
}

TEST_F(Programs, ListNamesEveryChoice) {
  const Finished list = train({"--list"});
  EXPECT_EQ(list.status, 0);
  for (const char* name : {"ghostnet", "mini_group_net", "plain_cnn", "ghost_conv", "haar", "cifar10", "fashion_mnist",
                           "image_folder", "sgd", "adamw", "cosine", "one_cycle"})
    EXPECT_THAT(list.out, HasSubstr(std::string("  ") + name + " "));
}

TEST_F(Programs, ListOptionsIsThePageOfTheDocumentation) {
  const Finished list = train({"--list-options"});
  EXPECT_EQ(list.status, 0);
  EXPECT_EQ(list.out, test::file_text(GHOST_SOURCE_DIR "/docs/configuration.md"));
}

TEST_F(Programs, ExplainThemselves) {
  for (const char* program : {"ghost-train", "ghost-eval"}) {
    const Finished help = test::run_program(program, {"--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, AllOf(HasSubstr("--set"), HasSubstr("Examples"), HasSubstr("Exit status")));
    const Finished nothing = test::run_program(program, {});
    EXPECT_EQ(nothing.status, 2);
    EXPECT_EQ(nothing.out, "");
    EXPECT_THAT(nothing.err, HasSubstr("Examples"));
    EXPECT_THAT(test::run_program(program, {"--version"}).out, StartsWith(program));
  }
}

TEST_F(Programs, RefuseWrongUsageWithASentence) {
  const auto refuses = [&](const Words& arguments, const std::string& about) {
    const Finished run = train(arguments);
    EXPECT_EQ(run.status, 2) << about;
    EXPECT_THAT(run.err, sentence("ghost-train", HasSubstr(about)));
    EXPECT_EQ(run.out, "");
  };
  refuses({"--config", "tiny.yaml", "--thread", "2"}, "--threads");
  refuses({"--config", "tiny.yaml", "extra"}, "extra");
  refuses({"--config"}, "--config");
  refuses({"--config", "tiny.yaml", "--threads", "many"}, "--threads");
  refuses({"--config", "tiny.yaml", "--threads", "-1"}, "--threads");
  refuses({"--set", "train.epochs=1"}, "--config");
  refuses({"--config", "tiny.yaml", "--run", "a", "--resume", "b"}, "--resume");
  refuses({"--config", "none.yaml"}, "none.yaml");
  refuses({"--config", "tiny.yaml", "--set", "model.widht=2"}, "model.widht");
  refuses({"--config", "tiny.yaml", "--set", "train.epohcs=2"}, "train.epochs");
  refuses({"--config", "tiny.yaml", "--set", "train.epochs=soon"}, "train.epochs");
  refuses({"--config", "tiny.yaml", "--set", "train.accumulate=3"}, "train.accumulate");
  refuses({"--config", "tiny.yaml", "--set", "model.num_classes=2"}, "model.num_classes");
  refuses({"--resume", "nowhere"}, "nowhere");
  EXPECT_FALSE(fs::exists(dir_ / "runs/tiny-1")) << "a run that never began";
}

TEST_F(Programs, NameEveryWrongKeyOfAFileWithItsPlace) {
  dir_.write("wrong.yaml", std::string_view("model:\n  nam: ghostnet\ntrain:\n  epochs: -1\n"));
  const Finished run = train({"--config", "wrong.yaml"});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("wrong.yaml:2:3"), HasSubstr("name"), HasSubstr("wrong.yaml:4:"), HasSubstr("epochs")));
}

TEST_F(Programs, SayWhatDataIsMissing) {
  fs::remove(dir_ / "data/t10k-labels-idx1-ubyte");
  const Finished run = train_tiny("run");
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, sentence("ghost-train", HasSubstr("t10k-labels-idx1-ubyte")));
  EXPECT_FALSE(fs::exists(dir_ / "run"));
}

TEST_F(Programs, ThreadsAndWorkersChangeNoBit) {
  ASSERT_EQ(train_tiny("one", {"--threads", "1", "--set", "data.workers=1"}).status, 0);
  ASSERT_EQ(train_tiny("two", {"--threads", "2", "--set", "data.workers=1"}).status, 0);
  ASSERT_EQ(train_tiny("four", {"--threads", "1", "--set", "data.workers=4"}).status, 0);
  EXPECT_EQ(tensors(last("one")), tensors(last("two")));
  EXPECT_EQ(tensors(last("one")), tensors(last("four")));
  EXPECT_EQ(metrics("one"), metrics("two"));
  EXPECT_EQ(metrics("one"), metrics("four"));
  ASSERT_EQ(train_tiny("seed", {"--set", "run.seed=4"}).status, 0);
  EXPECT_NE(tensors(last("one")), tensors(last("seed")));
}

TEST_F(Programs, IgnoreOptionsOfADataSetThatIsNotSelected) {
  // The file is for CIFAR; --set turns to the pictures at hand.
  dir_.write("cifar.yaml",
             std::string_view("model: {name: plain_cnn, channels: [4]}\n"
                              "data: {name: cifar10, root: nowhere, mean: [0.5, 0.5, 0.5], std: [1, 1, 1]}\n"
                              "train: {epochs: 1, batch_size: 32}\n"));
  const Finished run = train({"--config", "cifar.yaml", "--run", "run", "--set", "data.name=idx", "--set",
                              "data.root=data", "--threads", "1"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("data.mean"));
  EXPECT_THAT(file_text(dir_ / "run/train.log"), HasSubstr("data.mean"));
}

}  // namespace
}  // namespace ghost
