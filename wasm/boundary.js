// What the JavaScript sides of both modules are made of. dist/providers.js has it from dist/wasmqtt.js, which it loads
// anyway (web/build.js); it is no part of the public interface.
import bind from '../build/gen/webcrypto.js';
import { compile, isMarked } from './compile.js';
import { Memory } from './memory.js';
import { Scratch } from './scratch.js';

export const _boundary = { bind, compile, isMarked, Memory, Scratch };
