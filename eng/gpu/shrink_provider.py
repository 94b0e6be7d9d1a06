#!/usr/bin/env python3
"""Makes ONNX Runtime's CUDA library small enough to travel: GPU code that our models on a Hopper GPU never call becomes zeros, which compress to nothing.

libonnxruntime_providers_cuda.so has machine code for six architectures, and much of it computes attention and quantized products of language
models. Neither addresses nor lengths change, so the host code stays valid; CUDA loads a kernel's module only when the kernel is first called
(CUDA_MODULE_LOADING=LAZY, the default), so a zeroed one is harmless until then. Needs the zstd program.
"""

import argparse
import re
import struct
import subprocess
from pathlib import Path

ARCHITECTURE = 90          # compute capability 9.0: H100, H200
FATBIN_MAGIC = 0xBA55ED50
MACHINE_CODE = 2           # kind of an entry in a fatbin; 1 is PTX
CUDA_MACHINE = 190         # e_machine of an ELF file with GPU code
SECTION_HEADER = "<IIQQQQIIQQ"

# Parts of mangled kernel names. A module, one source file of ONNX Runtime, goes where one of its kernels belongs to language models, to sorting
# or to detection of objects, ...
FOREIGN = re.compile(
    rb"(?i)moe|fpA_?intB|GemmUniversal|flash|fmha|mha_|attention|attn|TransposeQKV|KVCache|KeyCache|PastCompressed|Paged|SplitKV|AppendKv|beam|blkq|xqa|"
    rb"MatMul(BlockScaled|Float|NBits)|matmul_(block_scaled|[248]bits)|fp4|GatedDelta|gated_delta|GatedRMS|CausalConv|GroupQuery|3llm|RotaryEmb|SkipLayerNorm|"
    rb"LongFormer|DecoderMasked|Sampling|NGram|deep_gemm|dequantizeThread|gemm_4bit|AddBiasTrans|AddBias_T|radix_sort|hybrid_topk|bitonic|deform_conv|non_max_supp")
# ... or where all of them are of these as well.
COMPANION = re.compile(FOREIGN.pattern + rb"|EmptyKernel|3cub|DropoutKernel|DropoutVectorized|RandomKernel|RandomVectorized")


def sections(data):
    """(offset, size) of every section of an ELF file, by name."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    entry, count, names = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from(SECTION_HEADER, data, table + i * entry) for i in range(count)]
    start = headers[names][4]
    return {bytes(data[start + h[0]:data.index(b"\0", start + h[0])]).decode(): (h[4], h[5]) for h in headers}


def kernels(code):
    """Mangled names of the kernels of a module, compressed with zstd or not."""
    if not code.startswith(b"\x7fELF"):
        code = subprocess.run(["zstd", "-dcq"], input=code, capture_output=True, check=False).stdout   # padding behind it makes zstd complain
    return set(re.findall(rb"\.text\.([A-Za-z0-9_]+)", code))


def entries(data, offset, size):
    """(kind, architecture, begin, length, length of the content) of every entry of all fatbins in the section."""
    position, end = offset, offset + size
    while position < end:
        magic, _, header, length = struct.unpack_from("<IHHQ", data, position)
        if magic != FATBIN_MAGIC:
            position += 8   # alignment
            continue
        entry, position = position + header, position + header + length
        while entry < position:
            kind, _, skip, padded, compressed, _, _, _, architecture = struct.unpack_from("<HHIQIIHHI", data, entry)
            yield kind, architecture, entry + skip, padded, compressed or padded
            entry += skip + padded


def is_needed(data, kind, architecture, begin, length):
    if (kind, architecture) != (MACHINE_CODE, ARCHITECTURE):
        return False
    names = kernels(bytes(data[begin:begin + length]))
    return not names or not (any(map(FOREIGN.search, names)) or all(map(COMPANION.search, names)))   # a module that cannot be read stays


def embedded_modules(data, offset, size):
    """(begin, length) of the GPU programs that are plain constants: fused attention, loaded by name."""
    for match in re.finditer(rb"\x7fELF\x02", data[offset:offset + size]):
        begin = offset + match.start()
        if struct.unpack_from("<H", data, begin + 18)[0] == CUDA_MACHINE:
            segments, headers = struct.unpack_from("<QQ", data, begin + 0x20)
            segment_entry, segment_count, header_entry, header_count = struct.unpack_from("<HHHH", data, begin + 0x36)
            yield begin, max(headers + header_entry * header_count, segments + segment_entry * segment_count)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path, help="libonnxruntime_providers_cuda.so")
    parser.add_argument("result", type=Path)
    args = parser.parse_args()
    data = bytearray(args.library.read_bytes())
    places = sections(data)
    kept = 0
    for kind, architecture, begin, padded, length in entries(data, *places[".nv_fatbin"]):
        if is_needed(data, kind, architecture, begin, length):
            kept += padded
        else:
            data[begin:begin + padded] = bytes(padded)
    for begin, length in list(embedded_modules(bytes(data), *places[".rodata"])):
        data[begin:begin + length] = bytes(length)
    if kept == 0:
        raise SystemExit(f"{args.library} has no machine code for compute capability {ARCHITECTURE / 10}")
    args.result.write_bytes(data)
    print(f"{args.library.name}: {kept / 1e6:.1f} MB of GPU code kept")


if __name__ == "__main__":
    main()
