// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small tools of the runtime that replace what it may not use: messages without
// stdio, memory from the caller's allocator, and parts of one block.
#ifndef QUANTC_LIB_RUNTIME_SUPPORT_H
#define QUANTC_LIB_RUNTIME_SUPPORT_H

#include "quantc/Runtime/quantc.h"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace quantc::runtime {

/// Writes one line into a buffer of the caller, cut where it ends.  Bytes that
/// would break the line, which a name may hold, become `?`.
class Error {
public:
  Error(char *text, size_t size) : text(text), size(text ? size : 0) {
    clear();
  }
  void clear() {
    length = 0;
    if (size)
      text[0] = 0;
  }
  /// Replaces the message by the joined parts and returns `status`.
  template <typename... Parts>
  quantc_status set(quantc_status status, Parts... parts) {
    clear();
    (append(parts), ...);
    return status;
  }
  void append(const char *part);
  template <typename T>
    requires std::is_integral_v<T>
  void append(T value) {
    bool negative = value < 0;
    uint64_t magnitude = static_cast<uint64_t>(value);
    appendNumber(negative ? 0 - magnitude : magnitude, negative);
  }

  /// For parts that know how to write themselves.
  template <typename T>
    requires requires(const T &part, Error &error) { part.write(error); }
  void append(const T &part) {
    part.write(*this);
  }

private:
  void appendNumber(uint64_t magnitude, bool negative);
  void appendByte(char byte);

  char *text;
  size_t size;
  size_t length = 0;
};

/// The caller's allocator, or that of libc.
struct Allocator {
  quantc_allocate_fn allocate = nullptr;
  quantc_deallocate_fn deallocate = nullptr;
  void *user = nullptr;

  void *get(size_t bytes) const;
  void put(void *memory, size_t bytes) const;
};

/// Memory that an Allocator gave.
struct Block {
  char *data = nullptr;
  size_t bytes = 0;
};

/// Alignment of every block.
inline constexpr size_t kBlockAlignment = 64;

/// Hands out parts of one block.  With a null base it only measures: run the
/// same calls once to learn the size and once more to get the parts.
class Carver {
public:
  explicit Carver(char *base) : base(base) {}
  template <typename T> T *take(uint64_t count) {
    uint64_t bytes = 0;
    failed |= __builtin_mul_overflow(count, sizeof(T), &bytes);
    failed |= __builtin_add_overflow(used, -used % alignof(T), &used);
    T *part = base ? reinterpret_cast<T *>(base + used) : nullptr;
    failed |= __builtin_add_overflow(used, bytes, &used);
    return part;
  }
  bool overflowed() const { return failed || used > PTRDIFF_MAX; }
  uint64_t bytes() const { return used; }

private:
  char *base;
  uint64_t used = 0;
  bool failed = false;
};

/// Copies a versioned struct of the caller over the defaults in `to`.  Fails if
/// the caller sets members that this library does not know.
bool readOptions(void *to, size_t known, const void *from);

/// Copies a versioned result as far as the caller's struct goes.
void writeInfo(void *to, const void *from, size_t known);

} // namespace quantc::runtime

#endif // QUANTC_LIB_RUNTIME_SUPPORT_H
