// The protobuf wire format, as far as a SentencePiece model needs it: fields of a message in order.
exports.fields = (buf) => {
  const out = [];
  let at = 0;
  const varint = () => {
    let v = 0n, shift = 0n;
    for (;;) {
      const b = buf[at++];
      v |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) return Number(v);
      shift += 7n;
    }
  };
  while (at < buf.length) {
    const tag = varint(), f = { number: tag >>> 3, type: tag & 7 };
    if (f.type === 0) f.value = varint();
    else if (f.type === 1) { f.bytes = buf.subarray(at, at + 8); at += 8; }
    else if (f.type === 2) { const n = varint(); f.bytes = buf.subarray(at, at + n); at += n; }
    else if (f.type === 5) { f.value = buf.readFloatLE(at); at += 4; }
    else throw new Error("wire type " + f.type);
    out.push(f);
  }
  return out;
};

// one is the bytes of the only field with a number.
exports.one = (buf, number) => exports.fields(buf).find((f) => f.number === number).bytes;
