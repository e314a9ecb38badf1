import type { IParseOptions, Root } from 'protobufjs';

export function loadSchema(folder: string, files: readonly string[], options?: IParseOptions): Root;
