// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file or bytes to a parsed ModelProto.  The wire format is walked once
// before it is parsed: that finds a truncated file and the byte where it ends,
// refuses what is not ONNX by naming what it looks like, and counts nodes, so
// that a small file cannot blow up into gigabytes of messages.

#include "Model.h"
#include "onnx/defs/parser.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir;

namespace quantc::onnx_frontend {

/// `special` are printable characters to escape as well.
static std::string escape(StringRef text, StringRef special) {
  std::string result;
  for (char c : text) {
    if (special.contains(c))
      result += '\\';
    if (llvm::isPrint(c))
      result += c;
    else
      result += "\\x" + llvm::toHex(StringRef(&c, 1));
  }
  return result;
}

std::string oneLine(StringRef text) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n', -1, false);
  for (StringRef &line : lines)
    line = line.trim();
  return escape(llvm::join(lines, "; "), "").substr(0, 1000);
}

std::string quote(StringRef text) {
  constexpr size_t limit = 160;
  std::string middle;
  StringRef tail;
  if (text.size() > limit) {
    middle = "...";
    tail = text.take_back(limit / 4);
    text = text.take_front(limit / 2);
  }
  return "'" + escape(text, "'\\") + middle + escape(tail, "'\\") + "'";
}

LogicalResult refuse(Error &error, const Twine &message, Status status) {
  error.status = status;
  error.message = message.str();
  return failure();
}

//===----------------------------------------------------------------------===//
// The wire format
//===----------------------------------------------------------------------===//

namespace {

/// Walks the fields of one message without parsing what is inside them.
class WireReader {
public:
  WireReader(ArrayRef<char> bytes, size_t base) : bytes(bytes), base(base) {}

  bool done() const { return at == bytes.size(); }
  size_t position() const { return base + at; }

  /// Reads the next field; false at malformed bytes.  `payload` is what a
  /// length-delimited field holds; `truncated` says that it reaches past the
  /// end.
  bool next();
  uint32_t field = 0;
  ArrayRef<char> payload;
  size_t payloadStart = 0;
  bool truncated = false;

private:
  bool varint(uint64_t &value);

  ArrayRef<char> bytes;
  size_t base, at = 0;
};

} // namespace

bool WireReader::varint(uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at == bytes.size()) {
      truncated = true;
      return false;
    }
    uint8_t byte = bytes[at++];
    value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80)
      return true;
  }
  return false;
}

bool WireReader::next() {
  uint64_t tag, size = 0;
  payload = {};
  if (!varint(tag) || tag >> 32 || tag >> 3 == 0)
    return false;
  field = tag >> 3;
  switch (tag & 7) {
  case 0:
    return varint(size);
  case 1:
    size = 8;
    break;
  case 5:
    size = 4;
    break;
  case 2:
    if (!varint(size))
      return false;
    break;
  default:
    return false;
  }
  payloadStart = base + at;
  if (size > bytes.size() - at) {
    truncated = true;
    return false;
  }
  if ((tag & 7) == 2)
    payload = bytes.slice(at, size);
  at += size;
  return true;
}

/// What bytes that are no model look like, for the message.
static StringRef looksLike(ArrayRef<char> bytes) {
  StringRef text(bytes.data(), bytes.size());
  struct Magic {
    StringRef prefix, name;
  };
  const Magic magics[] = {
      {StringRef("\x1f\x8b", 2), "gzip data; decompress it first"},
      {StringRef("PK\x03\x04", 4), "a zip archive (a torch checkpoint or npz)"},
      {"version https://git-lfs", "a Git LFS pointer; fetch the real file"},
      {StringRef("\x7f"
                 "ELF",
                 4),
       "an ELF file"},
      {StringRef("\x89HDF", 4), "an HDF5 file"},
      {StringRef("\x93NUMPY", 6), "a numpy array"},
      {StringRef("\x89PNG", 4), "a PNG image"},
      {"GGUF", "a GGUF file"},
      {StringRef("ML\xefR", 4), "MLIR bytecode"},
      {StringRef("\x80\x02", 2), "a Python pickle"},
      {"<", "XML or HTML text"},
      {"{", "JSON text"},
  };
  for (const Magic &magic : magics)
    if (text.starts_with(magic.prefix))
      return magic.name;
  if (llvm::all_of(text.take_front(512), [](unsigned char c) {
        return llvm::isPrint(c) || llvm::isSpace(c);
      }))
    return "text (ONNX text needs the suffix .onnxtxt)";
  return "";
}

static LogicalResult notOnnx(ArrayRef<char> bytes, const Twine &detail,
                             Error &error) {
  StringRef looks = looksLike(bytes);
  if (!looks.empty())
    return refuse(error, "not an ONNX model, it looks like " + looks);
  return refuse(error, "not an ONNX model: " + detail);
}

namespace {
/// The messages that are looked into.
enum class Kind { Graph, Function, Node, Attribute };
} // namespace

/// What a field of such a message holds, if it is looked into.
static std::optional<Kind> kindOfField(Kind kind, uint32_t field) {
  switch (kind) {
  case Kind::Graph:
    return field == 1 ? std::optional(Kind::Node) : std::nullopt;
  case Kind::Function:
    return field == 7 ? std::optional(Kind::Node) : std::nullopt;
  case Kind::Node:
    return field == 5 ? std::optional(Kind::Attribute) : std::nullopt;
  case Kind::Attribute: // g and graphs
    return field == 6 || field == 11 ? std::optional(Kind::Graph)
                                     : std::nullopt;
  }
  return std::nullopt;
}

/// Counts the nodes of a graph or function and of what is nested in it, and the
/// fields; refuses nodes without content.  An empty message takes two bytes of
/// the file and a hundred of memory.
static LogicalResult scanNodes(WireReader graph, Kind kind, int64_t &nodes,
                               int64_t &fields, const ImportOptions &options,
                               Error &error) {
  constexpr int64_t fieldsPerNode = 32;
  constexpr size_t maxDepth = 100; // protobuf's own limit
  SmallVector<std::pair<WireReader, Kind>> stack = {{graph, kind}};
  while (!stack.empty()) {
    auto &[reader, within] = stack.back();
    if (reader.done()) {
      stack.pop_back();
      continue;
    }
    if (!reader.next())
      return refuse(error,
                    "malformed graph at byte " + Twine(reader.position()));
    if (++fields / fieldsPerNode > options.maxNodes)
      return refuse(error,
                    "more than " + Twine(options.maxNodes * fieldsPerNode) +
                        " fields of nodes and graphs",
                    Status::Limit);
    std::optional<Kind> inner = kindOfField(within, reader.field);
    if (!inner)
      continue;
    if (stack.size() > maxDepth)
      return refuse(error,
                    "nested more than " + Twine(maxDepth) + " messages deep");
    if (inner == Kind::Node && reader.payload.empty())
      return refuse(error, "node " + Twine(nodes) + " at byte " +
                               Twine(reader.payloadStart) + " is empty");
    if (inner == Kind::Node && ++nodes > options.maxNodes)
      return refuse(error, "more than " + Twine(options.maxNodes) + " nodes",
                    Status::Limit);
    stack.emplace_back(WireReader(reader.payload, reader.payloadStart), *inner);
  }
  return success();
}

static LogicalResult scanWire(ArrayRef<char> bytes,
                              const ImportOptions &options, Error &error) {
  constexpr uint32_t kGraph = 7, kFunctions = 25, kConfiguration = 26;
  WireReader reader(bytes, 0);
  int64_t graphs = 0, nodes = 0, fields = 0;
  while (!reader.done()) {
    size_t start = reader.position();
    bool ok = reader.next();
    bool known = reader.field <= 8 || reader.field == 14 ||
                 reader.field == 20 || reader.field == kFunctions ||
                 reader.field == kConfiguration;
    if (!ok && reader.truncated && known && looksLike(bytes).empty())
      return refuse(error,
                    "truncated: the file ends at byte " + Twine(bytes.size()) +
                        " inside a field that starts at byte " + Twine(start));
    if (!ok || !known)
      return notOnnx(bytes, "unexpected data at byte " + Twine(start), error);
    if (reader.field == kGraph && ++graphs > 1)
      return refuse(error, "holds a second graph at byte " + Twine(start));
    if (reader.field == kGraph || reader.field == kFunctions)
      if (failed(
              scanNodes(WireReader(reader.payload, reader.payloadStart),
                        reader.field == kGraph ? Kind::Graph : Kind::Function,
                        nodes, fields, options, error)))
        return failure();
  }
  if (graphs == 0)
    return notOnnx(bytes, "it has no graph", error);
  return success();
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

/// Messages of checks become `name: message`.
static std::shared_ptr<Model> finish(std::shared_ptr<Model> model,
                                     LogicalResult result, Error &error) {
  if (succeeded(result))
    return model;
  error.message = model->name + ": " + error.message;
  return nullptr;
}

static std::shared_ptr<Model> newModel(StringRef name,
                                       const ImportOptions &options) {
  auto model = std::make_shared<Model>();
  // Paths are shown as given; anything unprintable is escaped.
  std::string shown = quote(name);
  model->name = shown.size() == name.size() + 2 ? name.str() : shown;
  model->external.directory = options.externalDataDirectory;
  return model;
}

std::shared_ptr<Model> parseModel(ArrayRef<char> bytes, StringRef name,
                                  const ImportOptions &options, Error &error) {
  auto model = newModel(name, options);
  if (bytes.empty())
    return finish(model, refuse(error, "the file is empty"), error);
  if (bytes.size() > size_t(std::numeric_limits<int32_t>::max()))
    return finish(model,
                  refuse(error, Twine(bytes.size()) +
                                    " bytes are over protobuf's limit of 2 "
                                    "GiB; store the weights as external data"),
                  error);
  if (failed(scanWire(bytes, options, error)))
    return finish(model, failure(), error);
  google::protobuf::LogSilencer silence;
  if (!model->proto.ParseFromArray(bytes.data(), bytes.size()))
    return finish(model,
                  refuse(error, "not a valid ONNX model: malformed, or nested "
                                "more than 100 messages deep"),
                  error);
  return finish(model, checkModel(*model, options, error), error);
}

/// The parser of ONNX text recurses with its brackets.
static bool isNestedTooDeep(StringRef text) {
  int depth = 0;
  for (char c : text) {
    if (c == '{' || c == '<' || c == '(' || c == '[')
      depth = std::max(depth, 0) + 1;
    else if (c == '}' || c == '>' || c == ')' || c == ']')
      --depth;
    if (depth > 200)
      return true;
  }
  return false;
}

std::shared_ptr<Model> parseModelText(StringRef text, StringRef name,
                                      const ImportOptions &options,
                                      Error &error) {
  auto model = newModel(name, options);
  if (isNestedTooDeep(text))
    return finish(model, refuse(error, "nested more than 200 brackets deep"),
                  error);
  std::string problem;
  try {
    auto status = onnx::OnnxParser::Parse(
        model->proto, std::string_view(text.data(), text.size()));
    if (!status.IsOK())
      problem = status.ErrorMessage();
  } catch (const std::exception &exception) {
    problem = exception.what();
  }
  if (!problem.empty())
    return finish(model,
                  refuse(error, "not valid ONNX text: " + oneLine(problem)),
                  error);
  return finish(model, checkModel(*model, options, error), error);
}

std::shared_ptr<Model> loadModel(StringRef path, const ImportOptions &options,
                                 Error &error) {
  auto fail = [&](const Twine &reason, Status status) {
    (void)refuse(error, newModel(path, options)->name + ": " + reason, status);
    return nullptr;
  };
  int file = ::open(path.str().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    return fail(Twine("cannot be opened: ") + std::strerror(errno), Status::IO);
  llvm::scope_exit closeFile([&] { close(file); });
  struct stat status;
  if (fstat(file, &status) != 0)
    return fail(Twine("cannot be read: ") + std::strerror(errno), Status::IO);
  if (!S_ISREG(status.st_mode))
    return fail("is not a regular file", Status::IO);
  closeFile.release();
  auto mapped = MappedFile::map(file, status.st_size);
  if (!mapped)
    return fail(Twine("cannot be read: ") + std::strerror(errno), Status::IO);

  ImportOptions withDirectory = options;
  if (withDirectory.externalDataDirectory.empty()) {
    StringRef parent = llvm::sys::path::parent_path(path);
    withDirectory.externalDataDirectory = parent.empty() ? "." : parent.str();
  }
  ArrayRef<char> bytes = mapped->bytes();
  if (path.ends_with(".onnxtxt"))
    return parseModelText(StringRef(bytes.data(), bytes.size()), path,
                          withDirectory, error);
  return parseModel(bytes, path, withDirectory, error);
}

} // namespace quantc::onnx_frontend
