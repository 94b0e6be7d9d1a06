// The tensor files of the product: 8 bytes little-endian header length, a JSON header, the tensors' bytes.
const TYPES = { U8: ['uint8', Uint8Array], I64: ['int64', BigInt64Array], F32: ['float32', Float32Array] };

/** Every tensor by name, as { type, dims, data }. */
export function readSafetensors(bytes) {
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start));
  return Object.fromEntries(Object.entries(header).filter(([name]) => name !== '__metadata__').map(([name, { dtype, shape, data_offsets: [begin, end] }]) => {
    const [type, array] = TYPES[dtype] ?? [];
    if (!array) throw new Error(`tensor '${name}' has dtype ${dtype}`);
    return [name, { type, dims: shape, data: new array(new Uint8Array(bytes.subarray(start + begin, start + end)).buffer) }];
  }));
}
