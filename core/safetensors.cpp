#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/atomic_file.h"
#include "core/half.h"
#include "core/nearest.h"
#include "core/tensor_checksums.h"

namespace ghost {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian and is read as it stands");

constexpr const char* kMetadata = "__metadata__";
constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the format's own library

// ---- header

// Every type of the format.
struct Type {
  const char* name;
  uint64_t bits;
  std::optional<DType> loaded_as;  // empty: nothing here can hold such values
};
constexpr Type kTypes[] = {{"F32", 32, DType::f32},      {"F64", 64, DType::f64},      {"F16", 16, DType::f32},
                           {"BF16", 16, DType::f32},     {"I64", 64, DType::i64},      {"I32", 32, DType::i64},
                           {"I16", 16, DType::i64},      {"I8", 8, DType::i64},        {"U64", 64, DType::i64},
                           {"U32", 32, DType::i64},      {"U16", 16, DType::i64},      {"U8", 8, DType::u8},
                           {"BOOL", 8, DType::u8},       {"C64", 64, std::nullopt},    {"F8_E5M2", 8, std::nullopt},
                           {"F8_E4M3", 8, std::nullopt}, {"F8_E8M0", 8, std::nullopt}, {"F6_E2M3", 6, std::nullopt},
                           {"F6_E3M2", 6, std::nullopt}, {"F4", 4, std::nullopt}};

struct Entry {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<uint64_t>> shape, offsets;
};
struct Header {
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
};

// Takes the header's events and refuses the first one that has no place in it. Nothing is built for what is nested too
// deeply, and nothing recurses.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}
  Header header;

  bool null() override { misplaced("null"); }
  bool boolean(bool v) override { misplaced(v ? "true" : "false"); }
  bool number_integer(number_integer_t v) override { misplaced(std::to_string(v)); }
  bool number_float(number_float_t, const std::string& text) override { misplaced(text); }
  bool binary(binary_t&) override { misplaced("binary data"); }
  bool number_unsigned(number_unsigned_t v) override {
    if (!numbers_) misplaced(std::to_string(v));
    numbers_->push_back(v);
    return true;
  }
  bool string(std::string& v) override {
    if (place_ == Place::metadata) {
      header.metadata[key_] = v;
    } else if (place_ == Place::tensor && !numbers_ && key_ == "dtype") {
      header.entries.back().dtype = v;
    } else {
      misplaced("a string");
    }
    return true;
  }
  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::top;
    } else if (place_ == Place::top && key_ == "__metadata__") {
      place_ = Place::metadata;
    } else if (place_ == Place::top) {
      header.entries.push_back({key_, {}, {}, {}});
      place_ = Place::tensor;
    } else {
      misplaced("an object");
    }
    keys_.emplace_back();
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || numbers_) misplaced("an array");
    Entry& e = header.entries.back();
    if (key_ != "shape" && key_ != "data_offsets") misplaced("an array");
    numbers_ = &(key_ == "shape" ? e.shape : e.offsets).emplace();
    return true;
  }
  bool end_array() override {
    numbers_ = nullptr;
    return true;
  }
  bool key(std::string& v) override {
    if (!keys_.back().insert(v).second) fail("{}: the header has '{}' twice{}", file_, v, where());
    if (place_ == Place::tensor && v != "dtype" && v != "shape" && v != "data_offsets")
      fail("{}: tensor '{}' has an unknown field '{}'; dtype, shape and data_offsets are known", file_,
           header.entries.back().name, v);
    key_ = v;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("{}: the header is not valid JSON (at its byte {})", file_, position);
  }

 private:
  enum class Place { outside, top, metadata, tensor };
  [[noreturn]] void misplaced(const std::string& what) const {
    if (place_ == Place::outside) fail("{}: the header is {}, but must be one JSON object", file_, what);
    if (place_ == Place::top) fail("{}: '{}' is {}, but must be an object", file_, key_, what);
    if (place_ == Place::metadata) fail("{}: metadata '{}' is {}, but must be a string", file_, key_, what);
    fail("{}: {} of tensor '{}' {} {}", file_, key_, header.entries.back().name, numbers_ ? "holds" : "is", what);
  }
  std::string where() const {
    if (place_ == Place::tensor) return " in tensor '" + header.entries.back().name + "'";
    return place_ == Place::metadata ? " in its metadata" : "";
  }

  const std::string& file_;
  Place place_ = Place::outside;
  std::string key_;
  std::vector<std::set<std::string>> keys_;  // of each open object
  std::vector<uint64_t>* numbers_ = nullptr;
};

// ---- entries

struct Located {
  std::string name;
  const Type* type;
  Shape shape;
  uint64_t begin, end;
  size_t place;  // in the header
};

std::string type_names() {
  std::vector<std::string> names;
  for (const Type& t : kTypes) names.emplace_back(t.name);
  return any_of(names);
}

Located located(const std::string& file, const Entry& e, size_t place, uint64_t data_bytes) {
  if (!e.dtype || !e.shape || !e.offsets)
    fail("{}: tensor '{}' has no {}", file, e.name, !e.dtype ? "dtype" : !e.shape ? "shape" : "data_offsets");
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& t) { return t.name == e.dtype; });
  if (type == std::end(kTypes))
    fail("{}: tensor '{}' has dtype '{}', which the format does not have; it has {}", file, e.name, *e.dtype,
         type_names());
  if (e.shape->size() > Shape::kMaxRank)
    fail("{}: tensor '{}' has {} dimensions, but at most {} are supported", file, e.name, e.shape->size(),
         Shape::kMaxRank);
  uint64_t bits = type->bits;
  std::vector<int64_t> dims;
  for (const uint64_t d : *e.shape) {
    if (__builtin_mul_overflow(bits, d, &bits) || d > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      fail("{}: the size of tensor '{}' does not fit 64 bits (dimension {})", file, e.name, d);
    dims.push_back(static_cast<int64_t>(d));
  }
  if (bits % 8 != 0) fail("{}: tensor '{}' is {} bits long, which is no number of bytes", file, e.name, bits);
  const uint64_t bytes = bits / 8;
  if (e.offsets->size() != 2)
    fail("{}: tensor '{}' has {} data_offsets, but needs a begin and an end", file, e.name, e.offsets->size());
  const uint64_t begin = (*e.offsets)[0], end = (*e.offsets)[1];
  if (begin > end || end > data_bytes)
    fail("{}: tensor '{}' lies at bytes {} to {}, but the file has {} bytes of data", file, e.name, begin, end,
         data_bytes);
  if (end - begin != bytes)
    fail("{}: tensor '{}' is {} {}, which takes {} bytes, but its offsets give {}", file, e.name, type->name,
         Shape(dims).str(), bytes, end - begin);
  return {e.name, type, Shape(dims), begin, end, place};
}

struct Opened {
  std::ifstream in;
  uint64_t data_start = 0;
  std::vector<Located> tensors;  // in order of their offsets
  std::map<std::string, std::string> metadata;
};

Opened open_file(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) fail("{}: there is no such file", file);
  if (error) fail("{}: cannot be opened: {}", file, error.message());
  if (!std::filesystem::is_regular_file(status)) fail("{}: this is not a file", file);
  const uint64_t size = std::filesystem::file_size(path, error);
  Opened opened;
  opened.in.open(path, std::ios::binary);
  if (error || !opened.in) fail("{}: cannot be opened: {}", file, std::strerror(errno));
  if (size < kLengthBytes) fail("{}: {} bytes are too short for a safetensors file", file, size);
  uint64_t length = 0;
  opened.in.read(reinterpret_cast<char*>(&length), kLengthBytes);
  if (!opened.in) fail("{}: it cannot be read to its end", file);
  if (length > size - kLengthBytes)
    fail("{}: its header should take {} bytes, but only {} follow; this is not a safetensors file, or it was cut off",
         file, length, size - kLengthBytes);
  if (length > kMostHeaderBytes)
    fail("{}: its header takes {} bytes, but at most {} are allowed", file, length, kMostHeaderBytes);
  std::string text(length, '\0');
  opened.in.read(text.data(), static_cast<std::streamsize>(length));
  if (!opened.in) fail("{}: its header cannot be read to its end", file);
  // The parser takes a NUL for the end.
  if (const size_t nul = text.find('\0'); nul != std::string::npos)
    fail("{}: the header is not valid JSON (at its byte {})", file, nul + 1);
  HeaderReader reader(file);
  nlohmann::json::sax_parse(text, &reader);

  opened.data_start = kLengthBytes + length;
  const uint64_t data_bytes = size - opened.data_start;
  for (const Entry& e : reader.header.entries)
    opened.tensors.push_back(located(file, e, opened.tensors.size(), data_bytes));
  std::stable_sort(opened.tensors.begin(), opened.tensors.end(), [](const Located& a, const Located& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t used = 0;
  const std::string* before = nullptr;
  for (const Located& t : opened.tensors) {
    if (t.begin < used) fail("{}: tensor '{}' overlaps tensor '{}'", file, t.name, *before);
    if (t.begin > used) fail("{}: bytes {} to {} of the data belong to no tensor", file, used, t.begin);
    used = t.end, before = &t.name;
  }
  if (used != data_bytes) fail("{}: bytes {} to {} of the data belong to no tensor", file, used, data_bytes);
  opened.metadata = std::move(reader.header.metadata);
  return opened;
}

// ---- data

// Values are read into the end of their memory and widened from its start, so that none is overwritten before its turn.
template <class From, class To, class Convert>
void widen(const char* from, To* to, int64_t count, const Convert& convert) {
  for (int64_t i = 0; i < count; i++) {
    From v;
    std::memcpy(&v, from + i * static_cast<int64_t>(sizeof v), sizeof v);
    to[i] = convert(v);
  }
}
template <class From>
void widen_integers(const char* from, int64_t* to, int64_t count) {
  widen<From>(from, to, count, [](From v) { return static_cast<int64_t>(v); });
}

// Empty: an unsigned number is too large.
std::optional<Tensor> read_tensor(std::ifstream& in, const Located& t, const std::string& file,
                                  const TensorChecksums& checksums) {
  const Array a = Array::empty(t.shape, *t.type->loaded_as);
  const auto bytes = static_cast<std::streamsize>(t.end - t.begin);
  const int64_t count = t.shape.numel();
  char* const from = static_cast<char*>(a.raw_data()) + (count * static_cast<int64_t>(size_of(a.dtype)) - bytes);
  in.read(from, bytes);
  if (!in) fail("{}: tensor '{}' cannot be read to its end", file, t.name);
  checksums.check(t.name, t.type->name, t.shape, from, static_cast<size_t>(bytes));
  const std::string_view type = t.type->name;
  if (type == "F16") widen<uint16_t>(from, a.data<float>(), count, from_f16);
  if (type == "BF16") widen<uint16_t>(from, a.data<float>(), count, from_bf16);
  if (type == "I32") widen_integers<int32_t>(from, a.data<int64_t>(), count);
  if (type == "I16") widen_integers<int16_t>(from, a.data<int64_t>(), count);
  if (type == "I8") widen_integers<int8_t>(from, a.data<int64_t>(), count);
  if (type == "U32") widen_integers<uint32_t>(from, a.data<int64_t>(), count);
  if (type == "U16") widen_integers<uint16_t>(from, a.data<int64_t>(), count);
  if (type == "U64" && std::any_of(a.data<int64_t>(), a.data<int64_t>() + count, [](int64_t v) { return v < 0; }))
    return {};
  return Tensor(a);
}

// ---- writing

const char* type_of(DType t) {
  switch (t) {
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    case DType::i64:
      return "I64";
    case DType::u8:
      return "U8";
    case DType::bf16:
      return "BF16";
  }
  return "";
}

// The values of one tensor as they stand in the file. Owned here: Tensor::data() would keep a packed copy with the
// body.
Array values_of(const NamedTensor& t) { return packed(t.tensor.values()); }

size_t bytes_of(const Tensor& t) { return static_cast<size_t>(t.numel()) * size_of(t.dtype()); }

}  // namespace

const Tensor* SafetensorsFile::find(const std::string& name) const {
  const auto it = std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
  return it == tensors.end() ? nullptr : &it->tensor;
}

SafetensorsFile read_safetensors(const std::filesystem::path& file) {
  Opened opened = open_file(file);
  SafetensorsFile result;
  result.metadata = std::move(opened.metadata);
  const TensorChecksums checksums(file.string(), result.metadata);
  std::vector<const Located*> in_order(opened.tensors.size());
  for (const Located& t : opened.tensors) in_order[t.place] = &t;
  std::vector<std::optional<Tensor>> values(opened.tensors.size());
  for (const Located& t : opened.tensors) {  // as they lie in the file
    if (t.type->loaded_as)
      values[t.place] = read_tensor(opened.in, t, file.string(), checksums);
    else
      opened.in.seekg(static_cast<std::streamoff>(t.end - t.begin), std::ios::cur);
  }
  for (const Located* t : in_order) {
    if (const std::optional<Tensor>& read = values[t->place])
      result.tensors.push_back({t->name, *read});
    else
      result.unread.push_back({t->name, t->type->name, t->shape});
  }
  return result;
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& file) {
  std::map<std::string, std::string> metadata = open_file(file).metadata;
  const TensorChecksums checked(file.string(), metadata);
  return metadata;
}

void write_safetensors(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  // Wider types come first, so that every tensor is aligned to its elements.
  std::vector<const NamedTensor*> order;
  std::set<std::string> names;
  for (const NamedTensor& t : tensors) {
    t.tensor.require_defined("safetensors", ("tensor '" + t.name + "'").c_str());
    if (t.name == kMetadata || !names.insert(t.name).second)
      fail("{}: tensor name '{}' is {}", file.string(), t.name, t.name == kMetadata ? "reserved" : "given twice");
    order.push_back(&t);
  }
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return size_of(a->tensor.dtype()) > size_of(b->tensor.dtype());
  });
  if (metadata.contains(TensorChecksums::kKey))
    fail("{}: the metadata entry \"{}\" is made here", file.string(), TensorChecksums::kKey);
  TensorChecksums sums(metadata);
  for (const NamedTensor& t : tensors)
    sums.add(t.name, type_of(t.tensor.dtype()), t.tensor.shape(), values_of(t).raw_data(), bytes_of(t.tensor));
  auto header = nlohmann::ordered_json::object();
  header[kMetadata] = metadata;
  size_t offset = 0;
  std::map<std::string_view, size_t> begins;
  for (const NamedTensor* t : order) begins[t->name] = offset, offset += bytes_of(t->tensor);
  for (const NamedTensor& t : tensors) {
    const Shape& s = t.tensor.shape();
    const size_t begin = begins[t.name];
    header[t.name] = {{"dtype", type_of(t.tensor.dtype())},
                      {"shape", std::vector<int64_t>(s.begin(), s.end())},
                      {"data_offsets", {begin, begin + bytes_of(t.tensor)}}};
  }
  std::string text;
  try {
    header[kMetadata][TensorChecksums::kKey] = sums.text();
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    fail("{}: a tensor's name or a metadata entry is not valid UTF-8", file.string());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  AtomicFile out(file);
  const uint64_t length = text.size();
  out.write(&length, kLengthBytes);
  out.write(text.data(), text.size());
  for (const NamedTensor* t : order) {
    const Array values = values_of(*t);
    out.write(values.raw_data(), bytes_of(t->tensor));
  }
  out.commit();
}

}  // namespace ghost
