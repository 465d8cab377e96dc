// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages, allocation and versioned structs; see Support.h.

#include "Support.h"

#include <cstring>
#include <stdlib.h>
#include <sys/mman.h>

namespace quantc::runtime {

void Error::appendByte(char byte) {
  if (length + 1 < size)
    text[length++] = byte;
}

void Error::append(const char *part) {
  for (; *part; ++part) {
    auto byte = static_cast<unsigned char>(*part);
    appendByte(byte < 0x20 || byte == 0x7f ? '?' : *part);
  }
  if (!size)
    return;
  // Never cut a UTF-8 character in two.
  if (length + 1 == size) {
    size_t start = length;
    while (start && (text[start - 1] & 0xc0) == 0x80)
      --start;
    auto lead = static_cast<unsigned char>(start ? text[start - 1] : 0);
    size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (wanted > length - start)
      length = start - 1;
  }
  text[length] = 0;
}

void Error::appendNumber(uint64_t magnitude, bool negative) {
  char digits[22];
  size_t at = sizeof(digits);
  digits[--at] = 0;
  do
    digits[--at] = static_cast<char>('0' + magnitude % 10);
  while (magnitude /= 10);
  if (negative)
    digits[--at] = '-';
  append(digits + at);
}

namespace {

// Large blocks go on huge pages where the system has them: an arena is walked
// through in each run.
constexpr size_t kHugePage = size_t(2) << 20;

void *libcAllocate(size_t bytes) {
  size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kBlockAlignment;
  if (bytes > PTRDIFF_MAX - alignment)
    return nullptr;
  size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void *memory = aligned_alloc(alignment, rounded);
  if (memory && alignment == kHugePage)
    madvise(memory, rounded, MADV_HUGEPAGE);
  return memory;
}

} // namespace

void *Allocator::get(size_t bytes) const {
  size_t wanted = bytes ? bytes : 1;
  return allocate ? allocate(user, wanted, kBlockAlignment)
                  : libcAllocate(wanted);
}

void Allocator::put(void *memory, size_t bytes) const {
  if (!memory)
    return;
  if (deallocate)
    deallocate(user, memory, bytes ? bytes : 1, kBlockAlignment);
  else
    free(memory);
}

bool readOptions(void *to, size_t known, const void *from) {
  if (!from)
    return true;
  size_t given = 0;
  memcpy(&given, from, sizeof(given));
  if (given < sizeof(given) || given > 4096)
    return false;
  const char *bytes = static_cast<const char *>(from);
  for (size_t i = known; i < given; ++i)
    if (bytes[i])
      return false;
  memcpy(to, from, given < known ? given : known);
  return true;
}

void writeInfo(void *to, const void *from, size_t known) {
  size_t wanted = 0;
  memcpy(&wanted, to, sizeof(wanted));
  size_t bytes = wanted < known ? wanted : known;
  if (bytes <= sizeof(size_t))
    return;
  memcpy(static_cast<char *>(to) + sizeof(size_t),
         static_cast<const char *>(from) + sizeof(size_t),
         bytes - sizeof(size_t));
}

} // namespace quantc::runtime
