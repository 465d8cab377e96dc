// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The program table: what one compiled model does, as flat little-endian
// arrays.  This is the one definition of the format.  The compiler writes it
// through ProgramBuilder.h; the runtime reads it in place, after checking every
// index and offset, because the bytes come from a file.
//
// The generated object defines three hidden symbols (see `symbols` below): the
// program, the kernel pointers, and the embedded weights.  Must never be done
// here: anything that needs more than libc, since this header is part of every
// compiled model.
#ifndef QUANTC_RUNTIME_PROGRAM_H
#define QUANTC_RUNTIME_PROGRAM_H

#include "quantc/Runtime/Image.h"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace quantc::runtime::program {

static_assert(std::endian::native == std::endian::little);

inline constexpr char kMagic[8] = {'Q', 'N', 'T', 'C', 'P', 'R', 'G', 0};
inline constexpr uint32_t kVersion = 5;
inline constexpr uint32_t kNone = ~uint32_t(0);
/// Alignment in bytes of the program, of the weights and of every buffer that
/// the runtime places.
inline constexpr uint32_t kAlignment = 64;
inline constexpr uint32_t kMaxRank = 64;
inline constexpr uint32_t kMaxPhases = 4096;
inline constexpr uint32_t kMaxSlots = 1 << 16;

/// Names of the hidden symbols of the generated object.  The kernels end with a
/// null pointer, so that a damaged count is noticed.  `quantc_weights` may be
/// left undefined when the weights are not embedded.
namespace symbols {
inline constexpr const char *kProgram = "quantc_program";
inline constexpr const char *kKernels = "quantc_kernels";
inline constexpr const char *kWeights = "quantc_weights";
/// The exported ones, defined by the runtime.
inline constexpr const char *kGetter = "quantc_api_v1";
inline constexpr const char *kPool = "quantc_default_pool_v1";
} // namespace symbols

/// Offset into the string section; strings end with a zero byte.
using StringRef = uint32_t;

/// An array of `count` records at `offset` bytes from the start of the program,
/// aligned to 8.
struct Section {
  uint64_t offset;
  uint64_t count;
};

/// A part of a section.  Ids inside an entry point count from its `first`.
struct Range {
  uint32_t first;
  uint32_t count;
};

enum class WeightSource : uint32_t { None = 0, Embedded = 1, File = 2 };

struct WeightInfo {
  WeightSource source;
  StringRef fileName; // beside the library, without folder; File only
  uint64_t bytes;
  uint8_t hash[32]; // SHA-256 of the bytes
};

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t headerBytes; // sizeof(Header)
  uint64_t totalBytes;
  uint64_t checksum;    // of all other bytes; see `checksum()`
  uint64_t features[2]; // bit i: CPU feature i of Features.h is needed
  WeightInfo weights;
  Section strings; // bytes
  Section metadata;
  Section kernels;
  Section entries;
  Section symbols;
  Section values;
  Section tensors;
  Section dims; // uint32_t expression ids
  Section aliases;
  Section exprs;
  Section checks;
  Section buffers;
  Section steps;
  Section operands; // uint32_t buffer ids and expression ids
};

struct Metadata {
  StringRef key;
  StringRef value;
};

struct Kernel {
  StringRef name;
};

/// One entry point.
struct Entry {
  StringRef name;
  uint32_t slots; // memory that keeps its bytes from step to step; see StepKind
  Range symbols;
  Range inputs;  // of values
  Range outputs; // of values
  Range inputTensors;
  Range outputTensors;
  Range aliases;
  Range exprs;
  Range checks;
  Range buffers;
  Range steps;
};

/// A named dimension.  It takes the extent of the first input dimension whose
/// expression is exactly this symbol; all other dimensions are then checked.
/// The capacity of an alias takes its value from the caller's strides instead.
///
/// A symbol of phase 1 or later is bound during the run, by a Bind step of its
/// own.  Phase n opens after the Bind steps of its symbols, which follow each
/// other and come behind those of phase n - 1.  What depends on a symbol
/// belongs to its phase or a later one and is planned when that opens; all else
/// is planned before the run.
struct Symbol {
  StringRef name;
  uint32_t phase;
};

enum class ValueKind : uint32_t { Tensor = 0, Optional = 1, Sequence = 2 };

/// One input or output: `count` tensors from `firstTensor` on, counted in the
/// entry's inputTensors or outputTensors.  The length of a sequence is fixed.
struct Value {
  StringRef name;
  ValueKind kind;
  uint32_t firstTensor;
  uint32_t count;
};

struct DType { // as DLDataType
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct Tensor {
  DType dtype;
  uint32_t rank;
  uint32_t firstDim; // in the dims section
  /// Optional values only, else kNone.  Input: a symbol that becomes 1 or 0;
  /// the other symbols that only an absent input would bind become 0.  Output:
  /// an expression, nonzero if present.
  uint32_t present;
  uint32_t alignment; // of the caller's data, in bytes; a power of two
  /// The latest one of its dimensions; 0 for inputs, for aliases and where
  /// `present` is given.
  uint32_t phase;
};

enum class AliasKind : uint32_t {
  /// The output starts as a copy of the input, made by the runtime unless both
  /// are the same memory.  Kernels only use the output; no buffer may name the
  /// input.  With an axis the output has more rows along it, its strides may
  /// leave room for still more, and an Append step makes the copy.
  InPlace = 1,
  /// Both may be the same memory; nothing is copied.
  MayShare = 2,
};

struct Alias {
  AliasKind kind;
  uint32_t output; // tensor
  uint32_t input;  // tensor
  uint32_t axis;   // the dimension that grows, or kNone; InPlace only
  /// With an axis: a symbol that no dimension binds.  It becomes the rows that
  /// the strides of the caller's output leave room for, or 0 if they are
  /// compact or the library provides the output.
  uint32_t capacity;
};

/// Integer expressions; operands come before their use.  Overflow, division by
/// zero and division by a negative number are errors, also in a branch that
/// `Select` does not take.
enum class Op : uint16_t {
  Const = 0,    // value
  Symbol = 1,   // symbol `a`
  Add = 2,      // a + b
  Mul = 3,      // a * b
  FloorDiv = 4, // rounds toward -inf
  CeilDiv = 5,  // rounds toward +inf
  Mod = 6,      // a - b * floor(a / b), so never negative
  Min = 7,
  Max = 8,
  Eq = 9,      // 1 or 0
  Lt = 10,     // 1 or 0
  Select = 11, // a != 0 ? b : c
};

struct Expr {
  Op op;
  uint16_t phase; // the latest one of its operands
  uint32_t a;
  uint32_t b;
  uint32_t c;
  int64_t value;
};

/// The run fails with `message` if the expression is zero, when its phase
/// opens.
struct Check {
  uint32_t expr;
  StringRef message;
};

enum class BufferKind : uint16_t {
  Arena = 0,   // `sizeExpr` bytes, live from its first to its last step
  Input = 1,   // tensor `index`; the size follows from its type and shape
  Output = 2,  // tensor `index`; likewise
  Weights = 3, // `bytes` bytes at `offset` of the weights
  View = 4,    // `sizeExpr` bytes at `offsetExpr` of the earlier buffer `index`
};

struct Buffer {
  BufferKind kind;
  uint16_t phase; // the latest one of its expressions and of what it is part of
  uint32_t index;
  uint32_t sizeExpr;
  uint32_t offsetExpr;
  uint64_t offset;
  uint64_t bytes;
};

enum class StepKind : uint32_t {
  /// Calls `kernel` on all iterations [0, trip), split in any way.
  Kernel = 0,
  /// Copies buffer 1 entirely from the start of buffer 0.
  Copy = 1,
  /// For the alias `kernel`, which has an axis: copies the rows of its input
  /// unless they are there, and those of buffer 0 behind them.
  Append = 2,
  /// Elements of less than a byte: buffer 0 has one per byte, buffer 1 a stream
  /// of their `kernel & kPackedBits` low bits; Unpack the other way round, and
  /// with kPackedSigned it extends the sign.
  Pack = 3,
  Unpack = 4,
  /// Reads an integer of `grain` bytes (1: a boolean; 4 or 8: signed) from its
  /// buffer into the symbol `kernel`, unless `tripExpr` is given and 0: then
  /// the symbol is 0.  A negative value fails with the string `scratchExpr`.
  Bind = 5,
  /// Jumps over the next `grain` steps if `tripExpr` is 0.  No Bind is among
  /// them, nor any part of a loop.
  Skip = 6,
  /// The slot `kernel` becomes a copy of buffer 0, or empty if there is none.
  Store = 7,
  /// Puts the bytes of buffer 0 behind those of the slot `kernel`.
  Push = 8,
  /// Fills buffer 0 with the bytes of the slot `kernel`, which must be as many.
  Load = 9,
  /// The head of a loop.  Jumps behind its Repeat, the step `grain` steps from
  /// here, if the only byte of the slot `kernel` is 0.
  While = 10,
  /// Jumps back to its While, `grain` steps before.
  Repeat = 11,
};

inline constexpr uint32_t kPackedBits = 7;
inline constexpr uint32_t kPackedSigned = 8;

/// Steps run one after the other.  All buffers of a step are live during it, so
/// no two of them share memory unless one is a view of the other.  A step names
/// nothing of a phase that is not open; a Bind nothing of its own.
///
/// A phase that opens in a loop opens again in each iteration, and closes
/// behind the loop: what is there names nothing of it, and no output belongs to
/// it. Behind a loop with Binds only slots are used until another Bind.
struct Step {
  StepKind kind;
  StringRef name;
  /// Append: an alias; Pack, Unpack: bits; Bind: a symbol; Store, Push, Load
  /// and While: a slot; else 0
  uint32_t kernel;
  uint32_t tripExpr;    // Kernel, Bind and Skip, else kNone
  uint32_t scratchExpr; // bytes per worker, or kNone
  uint32_t firstOperand;
  uint32_t bufferCount; // operands: buffers first, then scalars
  uint32_t scalarCount;
  int64_t grain; // least number of iterations worth a task of its own; >= 1
};

static_assert(sizeof(WeightInfo) == 48 && sizeof(Header) == 48 + 48 + 14 * 16);
static_assert(sizeof(Entry) == 88 && sizeof(Tensor) == 24 &&
              sizeof(Symbol) == 8 && sizeof(Expr) == 24 &&
              sizeof(Buffer) == 32 && sizeof(Step) == 40);

/// FNV-1a over the 64-bit words of a whole program, without the one that holds
/// the result; the last word is filled up with zeros.  It detects accidents;
/// the reader does not rely on it for safety.
inline uint64_t checksum(const void *data, size_t bytes) {
  const auto *p = static_cast<const unsigned char *>(data);
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < bytes; i += 8) {
    if (i == offsetof(Header, checksum))
      continue;
    uint64_t word = 0;
    for (size_t k = 0; k < 8 && i + k < bytes; ++k)
      word |= uint64_t(p[i + k]) << (8 * k);
    hash = (hash ^ word) * 0x100000001b3u;
  }
  return hash;
}

/// A weights side file: this header, zeros up to kWeightsDataOffset, then the
/// bytes.  The offset keeps the bytes aligned to a page when mapped.
struct WeightsFileHeader {
  char magic[8];
  uint32_t version;
  uint32_t dataOffset;
  uint64_t bytes;
  uint8_t hash[32]; // as in WeightInfo
};

inline constexpr char kWeightsMagic[8] = {'Q', 'N', 'T', 'C', 'W', 'T', 'S', 0};
inline constexpr uint32_t kWeightsVersion = 1;
inline constexpr uint32_t kWeightsDataOffset = 4096;

/// Checks a whole program, as model creation does; `message` receives one line
/// if it is refused.  For the compiler's own verification before it links.
bool validateProgram(const void *bytes, size_t size, char *message,
                     size_t messageSize);

} // namespace quantc::runtime::program

#endif // QUANTC_RUNTIME_PROGRAM_H
