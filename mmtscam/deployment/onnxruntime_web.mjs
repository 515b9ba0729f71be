// Runs an ONNX file in WebAssembly: node onnxruntime_web.mjs FOLDER FILE.onnx THREADS OUTPUT ...
// FOLDER is where npm installed onnxruntime-web.
// Each line of the input names a file of float32 and its shape as JSON. Each line of the output is the answer.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const [folder, model, threads, ...outputs] = process.argv.slice(2);
const ort = createRequire(resolve(folder, 'index.js'))('onnxruntime-web');
ort.env.wasm.numThreads = Number(threads);
ort.env.logLevel = 'error';
const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ['wasm'] });
console.log(JSON.stringify({ ready: true }));

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { file, shape } = JSON.parse(line);
    const bytes = readFileSync(file);
    const pixels = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const before = process.cpuUsage();
    const results = await session.run({ images: new ort.Tensor('float32', pixels, shape) });
    const used = process.cpuUsage(before);
    const written = outputs.map((name, index) => {
      const { data, dims } = results[name];
      writeFileSync(`${file}.${index}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return { file: `${file}.${index}`, shape: dims };
    });
    console.log(JSON.stringify({ outputs: written, seconds: (used.user + used.system) / 1e6 }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
process.exit(0); // waiting workers would keep it alive
