// ---- The kernels: csrc/*.c, compiled to WebAssembly ----

const PLAIN = 3; // of enum mg_isa: four floats at a time, here in the registers of 128 bits of WebAssembly

/** The functions of the module and its memory; throws where the browser cannot run it (an old one, or a page that may not). */
async function loadKernels() {
  const imports = { wasi_snapshot_preview1: { clock_time_get: () => 0 } }; // of mg_run_plan, which is not asked for times
  const { instance } = await WebAssembly.instantiate(array(facts.network.module).data, imports);
  instance.exports._initialize();
  return instance.exports;
}

/** Places in the memory of the module, one after another, at multiples of 64 bytes; nothing is given back. */
class Places {
  constructor(kernels) {
    this.memory = kernels.memory;
    this.end = kernels.__heap_base.value;
  }

  /** The address of so many bytes. */
  take(bytes) {
    const address = Math.ceil(this.end / 64) * 64;
    this.end = address + bytes;
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536)); // earlier views of the memory are of no use then
    return address;
  }

  /** `n` floats at an address. */
  floats(address, n) {
    return new Float32Array(this.memory.buffer, address, n);
  }

  /** The address of words of 32 bits. */
  put(words) {
    const address = this.take(4 * words.length);
    new Uint32Array(this.memory.buffer, address, words.length).set(words);
    return address;
  }
}
