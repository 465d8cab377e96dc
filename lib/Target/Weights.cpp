// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constant evaluation, the weights stream, and the ELF object around it.  The
// object is written by hand because the bytes must not pass through an
// assembler: it is a header, the bytes, and four small sections.

#include "quantc/Target/Weights.h"
#include "quantc/Dialect/Fmt/PackLines.h"
#include "quantc/Dialect/LowBit/PackWeights.h"
#include "quantc/Dialect/QNN/EvaluationLimit.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Runtime/Program.h"
#include "llvm/BinaryFormat/ELF.h"

using namespace mlir;

namespace quantc {

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

// Only packing is not an operation of the reference evaluator: it belongs to
// the kernels.
static FailureOr<HostTensor> evaluate(Value value) {
  auto pack = value.getDefiningOp<qnn::PackOp>();
  if (!pack)
    return qnn::evaluateConstant(value);
  FailureOr<HostTensor> weight = qnn::evaluateConstant(pack.getInput());
  if (failed(weight))
    return failure();
  std::optional<HostTensor> packed;
  if (auto format = dyn_cast<fmt::FormatInterface>(pack.getLayout())) {
    if (auto blocks = format.asBlocks(weight->getShape()))
      packed = fmt::packLines(*weight, blocks->bits, blocks->group,
                              blocks->isTernary);
  } else if (pack.getLayout() == StringAttr::get(pack.getContext(), "panels")) {
    packed = lowbit::packPanels(*weight);
  } else {
    packed = lowbit::packWeight(*weight);
  }
  if (!packed)
    return pack.emitError("cannot pack a weight of type ")
           << pack.getInput().getType();
  return *packed;
}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

void WeightsWriter::append(ArrayRef<char> bytes) {
  out.write(bytes.data(), bytes.size());
  hash.update(StringRef(bytes.data(), bytes.size()));
  size += bytes.size();
}

FailureOr<WeightsWriter::Place> WeightsWriter::place(Value value) {
  auto it = places.find(value);
  if (it != places.end())
    return it->second;
  int64_t left = size < limit ? limit - size : 0;
  qnn::EvaluationLimit bounds(qnn::EvaluationLimit::kUnlimited, left);
  FailureOr<HostTensor> tensor = evaluate(value);
  if (failed(tensor)) {
    bool isLimit = qnn::EvaluationLimit::stepsLeft() < 0;
    problem = isLimit ? Status::Limit : Status::Refused;
    return failure();
  }
  if (tensor->getByteSize() > left) {
    problem = Status::Limit;
    return value.getDefiningOp()->emitError("needs ")
           << tensor->getByteSize() << " bytes of " << left
           << " that are left to constants";
  }
  static const char zeros[runtime::program::kAlignment] = {};
  if (uint64_t over = size % runtime::program::kAlignment)
    append({zeros, size_t(runtime::program::kAlignment - over)});
  Place place = {size, uint64_t(tensor->getByteSize())};
  append(tensor->getBytes());
  places[value] = place;
  return place;
}

std::array<uint8_t, 32> WeightsWriter::finish() { return hash.final(); }

//===----------------------------------------------------------------------===//
// ELF object
//===----------------------------------------------------------------------===//

namespace {
template <typename T> void put(SmallVectorImpl<char> &to, const T &record) {
  auto *bytes = reinterpret_cast<const char *>(&record);
  to.append(bytes, bytes + sizeof(T));
}
} // namespace

// Sections: 0 none, 1 the weights, 2 symbol table, 3 strings (also of section
// names).  The weights start one page into the file.
WeightsObject makeWeightsObject(uint64_t weightsBytes) {
  using namespace llvm::ELF;
  constexpr uint64_t page = 4096;
  std::string strings;
  auto intern = [&](StringRef text) {
    uint32_t offset = strings.size();
    strings += text.str();
    strings += '\0';
    return offset;
  };
  intern("");
  uint32_t dataName = intern(".quantc.weights"), tableName = intern(".symtab"),
           stringsName = intern(".strtab"),
           noteName = intern(".note.GNU-stack"),
           symbolName = intern(runtime::program::symbols::kWeights);

  WeightsObject object;
  uint64_t tail = page + weightsBytes;
  uint64_t padding = (8 - tail % 8) % 8;
  object.tail.assign(padding, 0);
  uint64_t tableOffset = tail + padding;
  Elf64_Sym symbols[2] = {};
  symbols[1].st_name = symbolName;
  symbols[1].setBindingAndType(STB_GLOBAL, STT_OBJECT);
  symbols[1].st_other = STV_HIDDEN;
  symbols[1].st_shndx = 1;
  symbols[1].st_size = weightsBytes;
  put(object.tail, symbols);
  uint64_t stringsOffset = page + weightsBytes + object.tail.size();
  object.tail.append(strings.begin(), strings.end());
  while ((page + weightsBytes + object.tail.size()) % 8)
    object.tail.push_back(0);
  uint64_t headersOffset = page + weightsBytes + object.tail.size();

  Elf64_Shdr headers[5] = {};
  headers[1].sh_name = dataName;
  headers[1].sh_type = SHT_PROGBITS;
  headers[1].sh_flags = SHF_ALLOC;
  headers[1].sh_offset = page;
  headers[1].sh_size = weightsBytes;
  headers[1].sh_addralign = page;
  headers[2].sh_name = tableName;
  headers[2].sh_type = SHT_SYMTAB;
  headers[2].sh_offset = tableOffset;
  headers[2].sh_size = sizeof(symbols);
  headers[2].sh_link = 3;
  headers[2].sh_info = 1;
  headers[2].sh_addralign = 8;
  headers[2].sh_entsize = sizeof(Elf64_Sym);
  headers[3].sh_name = stringsName;
  headers[3].sh_type = SHT_STRTAB;
  headers[3].sh_offset = stringsOffset;
  headers[3].sh_size = strings.size();
  headers[3].sh_addralign = 1;
  headers[4].sh_name = noteName;
  headers[4].sh_type = SHT_PROGBITS;
  headers[4].sh_offset = stringsOffset;
  headers[4].sh_addralign = 1;
  put(object.tail, headers);

  Elf64_Ehdr header = {};
  std::copy(ElfMagic, ElfMagic + 4, header.e_ident);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_shoff = headersOffset;
  header.e_ehsize = sizeof(header);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 5;
  header.e_shstrndx = 3;
  put(object.head, header);
  object.head.resize(page);
  return object;
}

} // namespace quantc
