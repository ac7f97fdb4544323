#include "train/export/onnx_file.h"

#include <bit>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "core/protobuf.h"

namespace ghost::onnx {
namespace {

using protobuf::Reader;
using protobuf::Writer;

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

constexpr int64_t kIrVersion = 7;  // that of kOpset

// Fields of the messages of onnx.proto, by message.
namespace model {
constexpr uint32_t kIr = 1, kProducer = 2, kProducerVersion = 3, kGraph = 7, kOpsets = 8, kMetadata = 14;
}
namespace opset {
constexpr uint32_t kDomain = 1, kVersion = 2;
}
namespace property {
constexpr uint32_t kKey = 1, kValue = 2;
}
namespace graph {
constexpr uint32_t kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12;
}
namespace node {
constexpr uint32_t kInput = 1, kOutput = 2, kName = 3, kOp = 4, kAttribute = 5, kDomain = 7;
}
namespace field {
constexpr uint32_t kName = 1, kF = 2, kI = 3, kS = 4, kFloats = 7, kInts = 8, kType = 20;
constexpr int64_t kTypeF = 1, kTypeI = 2, kTypeS = 3, kTypeFloats = 6, kTypeInts = 7;
}  // namespace field
namespace tensor {
constexpr uint32_t kDims = 1, kType = 2, kName = 8, kRaw = 9;
}
namespace port {
constexpr uint32_t kName = 1, kType = 2;                        // ValueInfoProto
constexpr uint32_t kTensor = 1, kElement = 1, kShape = 2;       // TypeProto, TypeProto.Tensor
constexpr uint32_t kDim = 1, kDimValue = 1, kDimParameter = 2;  // TensorShapeProto
}  // namespace port

// TensorProto.DataType of each alternative of Constant::Values.
constexpr int64_t kTypes[] = {1, 2, 3, 6, 7};

std::string written(const Constant& constant, const std::string& name) {
  Writer out;
  for (const int64_t size : constant.dims) out.integer(tensor::kDims, size);
  out.integer(tensor::kType, kTypes[constant.values.index()]);
  out.bytes(tensor::kName, name);
  std::visit(
      [&]<class T>(const std::vector<T>& values) {
        out.bytes(tensor::kRaw, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
      },
      constant.values);
  return out.message();
}

std::string written(const Attribute& attribute, const std::string& name) {
  Writer out;
  out.bytes(field::kName, name);
  struct Visitor {
    Writer& out;
    int64_t operator()(int64_t v) const { return out.integer(field::kI, v), field::kTypeI; }
    int64_t operator()(float v) const { return out.number(field::kF, v), field::kTypeF; }
    int64_t operator()(const std::string& v) const { return out.bytes(field::kS, v), field::kTypeS; }
    int64_t operator()(const std::vector<int64_t>& list) const {
      for (const int64_t v : list) out.integer(field::kInts, v);
      return field::kTypeInts;
    }
    int64_t operator()(const std::vector<float>& list) const {
      for (const float v : list) out.number(field::kFloats, v);
      return field::kTypeFloats;
    }
  };
  const int64_t type = std::visit(Visitor{out}, attribute);
  out.integer(field::kType, type);
  return out.message();
}

std::string written(const Node& from) {
  Writer out;
  for (const std::string& input : from.inputs) out.bytes(node::kInput, input);
  out.bytes(node::kOutput, from.output);
  out.bytes(node::kName, from.name);
  out.bytes(node::kOp, from.op);
  for (const auto& [name, attribute] : from.attributes) out.bytes(node::kAttribute, written(attribute, name));
  return out.message();
}

std::string written(const Port& from) {
  Writer shape;
  for (const int64_t size : from.dims) {
    Writer dim;
    if (size >= 0)
      dim.integer(port::kDimValue, size);
    else
      dim.bytes(port::kDimParameter, "N");
    shape.bytes(port::kDim, dim.message());
  }
  Writer values, type, out;
  values.integer(port::kElement, kTypes[from.type == ElementType::f32 ? 0 : 1]);
  values.bytes(port::kShape, shape.message());
  type.bytes(port::kTensor, values.message());
  out.bytes(port::kName, from.name);
  out.bytes(port::kType, type.message());
  return out.message();
}

// ---- reading

// What a message that may be missing has to be.
[[noreturn]] void unknown(const std::string& file, const std::string& what) {
  fail("{}: {}, which is not among what is written here", file, what);
}

template <class T>
std::vector<T> raw_values(std::string_view raw, int64_t count, const std::string& name) {
  if (count < 0 || raw.size() / sizeof(T) != static_cast<uint64_t>(count) || raw.size() % sizeof(T) != 0)
    fail("{}: has {} bytes, but its shape needs {} numbers of {}", name, raw.size(), count, sizeof(T));
  std::vector<T> values(static_cast<size_t>(count));
  if (!values.empty()) std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

std::pair<std::string, Constant> read_constant(std::string_view bytes, const std::string& file) {
  std::string name;
  std::string_view raw;
  Constant constant;
  int64_t type = 0, count = 1;
  for (Reader in(bytes, file); in.next();) {
    if (in.field() == tensor::kDims) in.integers([&](int64_t size) { constant.dims.push_back(size); });
    if (in.field() == tensor::kType) type = in.integer();
    if (in.field() == tensor::kName) name = in.bytes();
    if (in.field() == tensor::kRaw) raw = in.bytes();
  }
  for (const int64_t size : constant.dims)
    if (size < 0 || __builtin_mul_overflow(count, size, &count))
      fail("{}: the shape of '{}' is impossible", file, name);
  const std::string what = fmt::format("{}: '{}'", file, name);
  switch (type) {
    case 1:
      constant.values = raw_values<float>(raw, count, what);
      break;
    case 2:
      constant.values = raw_values<uint8_t>(raw, count, what);
      break;
    case 3:
      constant.values = raw_values<int8_t>(raw, count, what);
      break;
    case 6:
      constant.values = raw_values<int32_t>(raw, count, what);
      break;
    case 7:
      constant.values = raw_values<int64_t>(raw, count, what);
      break;
    default:
      unknown(file, fmt::format("'{}' holds values of type {}", name, type));
  }
  return {name, constant};
}

std::pair<std::string, Attribute> read_attribute(std::string_view bytes, const std::string& file) {
  std::string name, text;
  int64_t type = 0, i = 0;
  float f = 0;
  std::vector<int64_t> ints;
  std::vector<float> floats;
  for (Reader in(bytes, file); in.next();) {
    if (in.field() == field::kName) name = in.bytes();
    if (in.field() == field::kF) f = in.f32();
    if (in.field() == field::kI) i = in.integer();
    if (in.field() == field::kS) text = in.bytes();
    if (in.field() == field::kFloats) in.floats([&](float v) { floats.push_back(v); });
    if (in.field() == field::kInts) in.integers([&](int64_t v) { ints.push_back(v); });
    if (in.field() == field::kType) type = in.integer();
  }
  switch (type) {
    case field::kTypeF:
      return {name, f};
    case field::kTypeI:
      return {name, i};
    case field::kTypeS:
      return {name, text};
    case field::kTypeFloats:
      return {name, floats};
    case field::kTypeInts:
      return {name, ints};
    default:
      unknown(file, fmt::format("the attribute {} is of type {}", name, type));
  }
}

Node read_node(std::string_view bytes, const std::string& file) {
  Node to;
  int outputs = 0;
  for (Reader in(bytes, file); in.next();) {
    if (in.field() == node::kInput) to.inputs.emplace_back(in.bytes());
    if (in.field() == node::kOutput) to.output = in.bytes(), outputs++;
    if (in.field() == node::kName) to.name = in.bytes();
    if (in.field() == node::kOp) to.op = in.bytes();
    if (in.field() == node::kAttribute) to.attributes.insert(read_attribute(in.bytes(), file));
    if (in.field() == node::kDomain && !in.bytes().empty())
      unknown(file, fmt::format("'{}' is an operator of {}", to.name, in.bytes()));
  }
  if (outputs != 1) unknown(file, fmt::format("{} '{}' has {} results", to.op, to.name, outputs));
  return to;
}

// The bytes of one field of a message; "" if it is not there.
std::string_view part(std::string_view bytes, uint32_t wanted, const std::string& file) {
  std::string_view found;
  for (Reader in(bytes, file); in.next();)
    if (in.field() == wanted) found = in.bytes();
  return found;
}

Port read_port(std::string_view bytes, const std::string& file) {
  Port to;
  to.name = part(bytes, port::kName, file);
  const std::string_view type = part(part(bytes, port::kType, file), port::kTensor, file);
  int64_t element = 0;
  for (Reader in(type, file); in.next();) {
    if (in.field() == port::kElement) element = in.integer();
    if (in.field() != port::kShape) continue;
    for (Reader dims(in.bytes(), file); dims.next();) {
      int64_t size = -1;
      for (Reader dim(dims.bytes(), file); dim.next();)
        if (dim.field() == port::kDimValue) size = dim.integer();
      to.dims.push_back(size);
    }
  }
  if (element != kTypes[0] && element != kTypes[1])
    unknown(file, fmt::format("'{}' is of values of type {}", to.name, element));
  to.type = element == kTypes[0] ? ElementType::f32 : ElementType::u8;
  return to;
}

void read_graph(std::string_view bytes, const std::string& file, Graph& to) {
  int inputs = 0, outputs = 0;
  for (Reader in(bytes, file); in.next();) {
    if (in.field() == graph::kNode) to.nodes.push_back(read_node(in.bytes(), file));
    if (in.field() == graph::kInitializer) to.constants.insert(read_constant(in.bytes(), file));
    if (in.field() == graph::kInput) to.input = read_port(in.bytes(), file), inputs++;
    if (in.field() == graph::kOutput) to.output = read_port(in.bytes(), file), outputs++;
  }
  if (inputs != 1 || outputs != 1) unknown(file, fmt::format("it has {} inputs and {} outputs", inputs, outputs));
}

}  // namespace

std::string to_bytes(const Graph& from, const std::string& version) {
  Writer network;
  for (const Node& n : from.nodes) network.bytes(graph::kNode, written(n));
  network.bytes(graph::kName, "ghost");
  for (const auto& [name, constant] : from.constants) network.bytes(graph::kInitializer, written(constant, name));
  network.bytes(graph::kInput, written(from.input));
  network.bytes(graph::kOutput, written(from.output));
  if (network.message().size() > std::numeric_limits<int32_t>::max())
    fail("the network takes {} MiB as ONNX, but a file of it holds 2048 MiB at most", network.message().size() >> 20);

  Writer operators, out;
  operators.bytes(opset::kDomain, "");
  operators.integer(opset::kVersion, kOpset);
  out.integer(model::kIr, kIrVersion);
  out.bytes(model::kProducer, "ghost");
  out.bytes(model::kProducerVersion, version);
  out.bytes(model::kGraph, network.message());
  out.bytes(model::kOpsets, operators.message());
  for (const auto& [key, value] : from.metadata) {
    Writer entry;
    entry.bytes(property::kKey, key);
    entry.bytes(property::kValue, value);
    out.bytes(model::kMetadata, entry.message());
  }
  return out.message();
}

Graph from_bytes(std::string_view bytes, const std::string& name) {
  Graph to;
  bool found = false;
  int64_t version = 0;
  for (Reader in(bytes, name); in.next();) {
    if (in.field() == model::kGraph) read_graph(in.bytes(), name, to), found = true;
    if (in.field() == model::kOpsets)
      for (Reader set(in.bytes(), name); set.next();)
        if (set.field() == opset::kVersion) version = set.integer();
    if (in.field() == model::kMetadata)
      to.metadata.emplace(part(in.bytes(), property::kKey, name), part(in.bytes(), property::kValue, name));
  }
  if (!found) fail("{}: is not an ONNX file: there is no graph in it", name);
  if (version != kOpset) unknown(name, fmt::format("its operators are those of set {}", version));
  return to;
}

}  // namespace ghost::onnx
