#include "core/safetensors.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "core/memory.h"
#include "core/ops/activation.h"
#include "core/ops/shape_ops.h"
#include "support/temp_dir.h"

namespace ghost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A file with this header and so many bytes of data, 0, 1, 2, …
std::string file_of(const std::string& header, size_t data_bytes) {
  std::string file(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  file += header;
  for (size_t i = 0; i < data_bytes; i++) file += static_cast<char>(i);
  return file;
}

std::string error_of(const std::filesystem::path& file) {
  try {
    read_safetensors(file);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

class Safetensors : public testing::Test {
 protected:
  TempDir dir_;
  std::filesystem::path file_ = dir_ / "weights.safetensors";
  std::string error_for(const std::string& header, size_t data_bytes) {
    return error_of(dir_.write("hostile.safetensors", file_of(header, data_bytes)));
  }
};

TEST_F(Safetensors, EveryFlippedBitIsNoticed) {
  write_safetensors(file_,
                    {{"w", Tensor::from<float>({1, 2, 3, 4, 5, 6}, {2, 3})}, {"n", Tensor::from<int64_t>({7}, {})}},
                    {{"progress", "{\"step\":4}"}});
  const std::string good = file_text(file_);
  // Without this name there is nothing to check by.
  const size_t name = good.find("ghost_crc32"), end = name + std::strlen("ghost_crc32");
  for (size_t byte = 0; byte < good.size(); ++byte) {
    if (byte >= name && byte < end) continue;
    const size_t bit = good[byte] == ' ' ? 5 : byte % 8;  // 5 makes a NUL of a blank
    std::string bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ (1 << bit));
    EXPECT_NE(error_of(dir_.write("bad", bad)), "no error") << "bit " << bit << " of byte " << byte;
  }
  std::string bad = good;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  EXPECT_THAT(error_of(dir_.write("bad", bad)),
              AllOf(HasSubstr("tensor 'w' has the checksum"), HasSubstr("the file is damaged")));
}

TEST_F(Safetensors, RoundTripKeepsEverything) {
  const std::vector<NamedTensor> tensors{
      {"bytes", Tensor::from<uint8_t>({1, 2, 255}, {3})},
      {"blocks.0.conv.weight", Tensor::from<float>({1.5F, -0.0F, INFINITY, 1e-40F, 3, 4}, {2, 3})},
      {"double", Tensor::from<double>({M_PI, -1e300}, {2, 1})},
      {"count", Tensor::from<int64_t>({-7}, {})},
      {"empty", Tensor::empty({0, 3})},
      {"naïve \"quotes\"", Tensor::full({1}, 2)},
  };
  const std::map<std::string, std::string> metadata{{"format", "pt"}, {"config", "a: 1\nb: \"ü\"\n"}};
  write_safetensors(file_, tensors, metadata);
  const SafetensorsFile read = read_safetensors(file_);
  EXPECT_EQ(read.metadata, metadata);
  EXPECT_EQ(read_safetensors_metadata(file_), metadata);
  ASSERT_EQ(read.tensors.size(), tensors.size());
  for (const NamedTensor& t : tensors) {
    const Tensor* back = read.find(t.name);
    ASSERT_TRUE(back) << t.name;
    EXPECT_EQ(back->dtype(), t.tensor.dtype());
    EXPECT_EQ(back->shape(), t.tensor.shape());
    const auto bytes = static_cast<size_t>(t.tensor.numel()) * size_of(t.tensor.dtype());
    EXPECT_EQ(std::memcmp(back->values().raw_data(), t.tensor.values().raw_data(), bytes), 0) << t.name;
  }
  EXPECT_EQ(read.find("other"), nullptr);
}

TEST_F(Safetensors, WritesFinishedPackedValues) {
  const Tensor x = Tensor::from<float>({-1, 2, 3, -4, 5, -6}, {2, 3});
  write_safetensors(file_, {{"slice", slice_channels(x, 1, 2)}, {"relu", relu(x)}});
  const SafetensorsFile read = read_safetensors(file_);
  EXPECT_EQ(read.find("slice")->to_vector<float>(), (std::vector<float>{2, 3, 5, -6}));
  EXPECT_EQ(read.find("relu")->to_vector<float>(), (std::vector<float>{0, 2, 3, 0, 5, 0}));
}

TEST_F(Safetensors, DataIsAlignedAsTheFormatsOwnLibraryDoesIt) {
  write_safetensors(
      file_,
      {{"a", Tensor::from<uint8_t>({1}, {1})}, {"b", Tensor::full({3}, 1)}, {"c", Tensor::full({1}, 1, DType::f64)}});
  const std::vector<uint8_t> bytes = file_bytes(file_);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  const std::string text(bytes.begin() + 8, bytes.begin() + 8 + static_cast<ptrdiff_t>(length));
  EXPECT_EQ(text.front(), '{');
  const auto header = nlohmann::json::parse(text);
  EXPECT_EQ(header["c"]["data_offsets"], nlohmann::json({0, 8}));
  EXPECT_EQ(header["b"]["data_offsets"], nlohmann::json({8, 20}));
  EXPECT_EQ(header["a"]["data_offsets"], nlohmann::json({20, 21}));
  EXPECT_EQ(bytes.size(), 8 + length + 21);
}

TEST_F(Safetensors, HalvesLoadAsF32) {
  // 1, −2, the smallest subnormal, the largest number, −∞ and a NaN in binary16; 1, −2.5 and ∞ in bfloat16
  const uint16_t data[] = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0xFC00, 0x7E01, 0x3F80, 0xC020, 0x7F80};
  std::string file = file_of(
      R"({"h":{"dtype":"F16","shape":[6],"data_offsets":[0,12]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[12,18]}})",
      0);
  file.append(reinterpret_cast<const char*>(data), sizeof data);
  const SafetensorsFile read = read_safetensors(dir_.write("half.safetensors", file));
  const std::vector<float> h = read.find("h")->to_vector<float>();
  EXPECT_EQ(std::vector<float>(h.begin(), h.end() - 1), (std::vector<float>{1, -2, 0x1p-24F, 65504, -INFINITY}));
  EXPECT_TRUE(std::isnan(h.back()));
  EXPECT_EQ(read.find("b")->to_vector<float>(), (std::vector<float>{1, -2.5F, INFINITY}));
}

TEST_F(Safetensors, IntegersAreWidenedAndTheirOrderIsKept) {
  const std::string header =
      R"({"i8":{"dtype":"I8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"BOOL","shape":[2],"data_offsets":[3,5]},)"
      R"("f8":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[5,6]},"i16":{"dtype":"I16","shape":[2],"data_offsets":[6,10]},)"
      R"("i32":{"dtype":"I32","shape":[],"data_offsets":[10,14]},"u16":{"dtype":"U16","shape":[1],"data_offsets":[14,16]},)"
      R"("u32":{"dtype":"U32","shape":[1],"data_offsets":[16,20]},"u64":{"dtype":"U64","shape":[1],"data_offsets":[20,28]},)"
      R"("far":{"dtype":"U64","shape":[1],"data_offsets":[28,36]},"last":{"dtype":"F32","shape":[1],"data_offsets":[36,40]}})";
  std::string file = file_of(header, 0);
  const auto add = [&](auto v) { file.append(reinterpret_cast<const char*>(&v), sizeof v); };
  add(int8_t{-1}), add(int8_t{2}), add(int8_t{-128}), add(uint8_t{1}), add(uint8_t{0}), add(uint8_t{0x38});
  add(int16_t{-300}), add(int16_t{300}), add(int32_t{-70'000}), add(uint16_t{65'535}), add(uint32_t{4'000'000'000});
  add(uint64_t{1} << 62), add(uint64_t{1} << 63), add(1.5F);
  const SafetensorsFile read = read_safetensors(dir_.write("integers.safetensors", file));
  const auto values = [&](const char* name) { return read.find(name)->to_vector<int64_t>(); };
  EXPECT_EQ(values("i8"), (std::vector<int64_t>{-1, 2, -128}));
  EXPECT_EQ(values("b"), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(values("i16"), (std::vector<int64_t>{-300, 300}));
  EXPECT_EQ(values("i32"), (std::vector<int64_t>{-70'000}));
  EXPECT_EQ(values("u16"), (std::vector<int64_t>{65'535}));
  EXPECT_EQ(values("u32"), (std::vector<int64_t>{4'000'000'000}));
  EXPECT_EQ(values("u64"), (std::vector<int64_t>{int64_t{1} << 62}));
  EXPECT_EQ(read.find("last")->to_vector<float>(), (std::vector<float>{1.5}));
  EXPECT_EQ(read.tensors.front().name, "i8");
  EXPECT_EQ(read.tensors.size(), 8U);
  ASSERT_EQ(read.unread.size(), 2U);
  EXPECT_EQ(read.unread[0].name + " " + read.unread[0].dtype, "f8 F8_E4M3");
  EXPECT_EQ(read.unread[1].name + " " + read.unread[1].dtype, "far U64");
}

TEST_F(Safetensors, TheHeaderKeepsTheOrderInWhichTensorsAreGiven) {
  write_safetensors(
      file_, {{"z", Tensor::full({3}, 1)}, {"counter", Tensor::zeros({}, DType::i64)}, {"a", Tensor::full({1}, 2)}});
  const auto read = read_safetensors(file_);
  ASSERT_EQ(read.tensors.size(), 3U);
  EXPECT_EQ(read.tensors[0].name, "z");
  EXPECT_EQ(read.tensors[1].name, "counter");
  EXPECT_EQ(read.tensors[2].tensor.to_vector<float>(), (std::vector<float>{2}));
}

TEST_F(Safetensors, TensorsComeInTheOrderOfTheHeader) {
  const auto read = read_safetensors(dir_.write(
      "order.safetensors",
      file_of(
          R"({"z":{"dtype":"U8","shape":[2],"data_offsets":[3,5]},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}  )",
          5)));
  ASSERT_EQ(read.tensors.size(), 2U);
  EXPECT_EQ(read.tensors[1].name, "a");
  EXPECT_EQ(read.tensors[0].tensor.to_vector<uint8_t>(), (std::vector<uint8_t>{3, 4}));
}

TEST_F(Safetensors, HostileHeadersAreRefusedWithTheReason) {
  struct Row {
    std::string header;
    size_t data_bytes;
    std::vector<std::string> says;
  };
  auto tensor = [](const std::string& fields) { return R"({"a":{)" + fields + "}}"; };
  const Row table[] = {
      {"", 0, {"not valid JSON"}},
      {"{", 0, {"not valid JSON"}},
      {"{} x", 0, {"not valid JSON"}},
      {"[]", 0, {"one JSON object"}},
      {"3", 0, {"one JSON object"}},
      {R"({"a":[]})", 0, {"'a'", "must be an object"}},
      {R"({"__metadata__":{"k":1}})", 0, {"metadata 'k'", "must be a string"}},
      {R"({"__metadata__":{"k":"1","k":"2"}})", 0, {"'k' twice", "metadata"}},
      {R"({"__metadata__":{"k":{"deep":"x"}}})", 0, {"metadata 'k'"}},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2,
       {"'a' twice"}},
      {tensor(R"("dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1])"), 1, {"'dtype' twice", "tensor 'a'"}},
      {tensor(R"("dtype":"U8","shape":[1])"), 1, {"tensor 'a'", "no data_offsets"}},
      {tensor(R"("dtype":"U8","data_offsets":[0,1])"), 1, {"tensor 'a'", "no shape"}},
      {tensor(R"("shape":[1],"data_offsets":[0,1])"), 1, {"tensor 'a'", "no dtype"}},
      {tensor(R"("dtype":"I33","shape":[1],"data_offsets":[0,4])"), 4, {"'I33'", "F32"}},
      {tensor(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])"), 2, {"12 bits long"}},
      {tensor(R"("dtype":"I32","shape":[1],"data_offsets":[0,3])"), 3, {"I32 (1), which takes 4 bytes"}},
      {tensor(R"("dtype":7,"shape":[1],"data_offsets":[0,4])"), 4, {"dtype of tensor 'a'"}},
      {tensor(R"("dtype":"U8","shape":"1","data_offsets":[0,1])"), 1, {"shape of tensor 'a'"}},
      {tensor(R"("dtype":"U8","shape":[1.0],"data_offsets":[0,1])"), 1, {"shape of tensor 'a' holds 1.0"}},
      {tensor(R"("dtype":"U8","shape":["1"],"data_offsets":[0,1])"), 1, {"shape of tensor 'a' holds a string"}},
      {tensor(R"("dtype":"U8","shape":[[1]],"data_offsets":[0,1])"), 1, {"shape of tensor 'a' holds an array"}},
      {tensor(R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])"), 1, {"shape of tensor 'a' holds -1"}},
      {tensor(R"("dtype":"U8","shape":[1],"data_offsets":[0,1],"extra":1)"), 1, {"unknown field 'extra'"}},
      {tensor(R"("dtype":"U8","shape":[1],"data_offsets":[0,1,2])"), 1, {"3 data_offsets"}},
      {tensor(R"("dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1])"), 1, {"7 dimensions"}},
      {tensor(R"("dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1])"), 1, {"does not fit 64 bits"}},
      {tensor(R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])"), 0, {"does not fit 64 bits"}},
      {tensor(R"("dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0])"), 0, {"does not fit 64 bits"}},
      {tensor(R"("dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1])"), 1, {"shape of tensor 'a'"}},
      {tensor(R"("dtype":"U8","shape":[4],"data_offsets":[1,5])"), 4, {"bytes 1 to 5", "4 bytes of data"}},
      {tensor(R"("dtype":"U8","shape":[4],"data_offsets":[18446744073709551615,3])"), 4, {"tensor 'a' lies"}},
      {tensor(R"("dtype":"U8","shape":[3],"data_offsets":[1,4])"), 4, {"bytes 0 to 1", "belong to no tensor"}},
      {tensor(R"("dtype":"U8","shape":[3],"data_offsets":[0,3])"), 4, {"bytes 3 to 4", "belong to no tensor"}},
      {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}})",
       5,
       {"tensor 'b' overlaps tensor 'a'"}},
      {std::string(200'000, '['), 0, {"one JSON object"}},
      {R"({"a":)" + std::string(200'000, '['), 0, {"'a'"}},
      {R"({"__metadata__":)" + std::string(200'000, '{'), 0, {"hostile.safetensors"}},
  };
  for (const Row& row : table) {
    const std::string error = error_for(row.header, row.data_bytes);
    EXPECT_THAT(error, HasSubstr("hostile.safetensors: ")) << row.header.substr(0, 100);
    for (const std::string& part : row.says) EXPECT_THAT(error, HasSubstr(part)) << row.header.substr(0, 100);
  }
}

TEST_F(Safetensors, TooShortAndCutOffFilesAreRefused) {
  write_safetensors(file_, {{"a", Tensor::full({5}, 1)}});
  const std::string whole = file_text(file_);
  for (size_t size = 0; size < whole.size(); size++)
    EXPECT_THAT(error_of(dir_.write("cut.safetensors", whole.substr(0, size))), HasSubstr("cut.safetensors")) << size;
  EXPECT_THAT(error_of(dir_ / "missing.safetensors"), HasSubstr("no such file"));
  EXPECT_THAT(error_of(dir_.path()), HasSubstr("not a file"));
}

TEST_F(Safetensors, AFlippedBitNeverCrashesTheReader) {
  write_safetensors(file_, {{"a", Tensor::full({2, 3}, 1)}, {"b", Tensor::from<int64_t>({1}, {})}}, {{"k", "v"}});
  const std::string whole = file_text(file_);
  int refused = 0;
  for (size_t i = 0; i < whole.size() - 32; i++)
    for (int bit = 0; bit < 8; bit++) {
      std::string broken = whole;
      broken[i] = static_cast<char>(broken[i] ^ (1 << bit));
      refused += error_of(dir_.write("broken.safetensors", broken)) != "no error";
    }
  EXPECT_GT(refused, 100);
}

TEST_F(Safetensors, MemoryStaysWithinTheFilesSize) {
  reset_peak_memory();
  const int64_t before = memory_stats().peak_bytes_in_use;
  EXPECT_THAT(error_for(R"({"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}})", 16),
              HasSubstr("16 bytes of data"));
  EXPECT_EQ(memory_stats().peak_bytes_in_use, before);
}

TEST_F(Safetensors, SharedBadFilesBehaveAsTheirManifestSays) {
  const std::filesystem::path folder = shared_dir() / "data/bad-images";
  if (!std::filesystem::exists(folder / "manifest.json")) GTEST_SKIP() << "no " << folder;
  const auto manifest = nlohmann::json::parse(std::ifstream(folder / "manifest.json"));
  int seen = 0;
  for (const auto& row : manifest["files"]) {
    const std::string kind = row["kind"], name = row["file"];
    if (kind == "st-valid") {
      const SafetensorsFile read = read_safetensors(folder / name);
      ASSERT_TRUE(read.find("a"));
      EXPECT_EQ(read.find("a")->shape(), (Shape{2, 3}));
      EXPECT_EQ(read.find("a")->to_vector<float>(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
      seen++;
    } else if (kind == "st-broken") {
      EXPECT_THAT(error_of(folder / name), HasSubstr(name));
      seen++;
    }
  }
  EXPECT_GE(seen, 13);
}

TEST_F(Safetensors, NamesThatCannotBeWrittenAreRefused) {
  const Tensor one = Tensor::full({1}, 1);
  EXPECT_THROW(write_safetensors(file_, {{"a", one}, {"a", one}}), Error);
  EXPECT_THROW(write_safetensors(file_, {{"__metadata__", one}}), Error);
  EXPECT_THROW(write_safetensors(file_, {{"a\xFF", one}}), Error);
  EXPECT_THROW(write_safetensors(file_, {{"a", {}}}), Error);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(Safetensors, AFailedWriteLeavesTheOldFileAndNoOther) {
  write_safetensors(file_, {{"a", Tensor::full({1}, 1)}});
  const std::string before = file_text(file_);
  EXPECT_THROW(write_safetensors(file_, {{"a", Tensor::full({1}, 2)}, {"b\xFF", Tensor::full({1}, 3)}}), Error);
  EXPECT_EQ(file_text(file_), before);
  // the name is taken by a folder: the rename at the very end fails
  std::filesystem::create_directory(dir_ / "folder");
  EXPECT_THROW(write_safetensors(dir_ / "folder", {{"a", Tensor::full({1}, 2)}}), Error);
  EXPECT_THROW(write_file_atomically(dir_ / "no/such/folder", "x"), Error);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
    names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, testing::UnorderedElementsAre("weights.safetensors", "folder"));
}

TEST_F(Safetensors, WritingReplacesTheFileAtOnce) {
  write_file_atomically(file_, std::string(100'000, 'x'));
  std::ifstream reader(file_);  // still reads the old file after the new one has taken its name
  write_file_atomically(file_, "new");
  EXPECT_EQ(file_text(file_), "new");
  std::string old((std::istreambuf_iterator<char>(reader)), std::istreambuf_iterator<char>());
  EXPECT_EQ(old, std::string(100'000, 'x'));
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  const mode_t mask = umask(0);
  umask(mask);
  EXPECT_EQ(status.st_mode & 0777U, 0666U & ~mask);  // not the private mode of a temporary file
}

}  // namespace
}  // namespace ghost::test
