/** Where releases are kept, as a port: paths with `/` inside one folder. A test ends the world between two of its calls. */
export interface ReleaseFiles {
  read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  size(path: string): Promise<number | undefined>;
  /** Names in a folder; none where it is not there. */
  list(path: string): Promise<readonly string[]>;
  /** Makes the file and its folders where they are missing. @throws AgentError `agent/disk-full` */
  write(path: string, position: number, bytes: Uint8Array): Promise<void>;
  /** What was written is there after the power fails. */
  sync(path: string): Promise<void>;
  /** In one step, durably, over whatever has that name. */
  rename(from: string, to: string): Promise<void>;
  /** A file, or a folder with all in it; harmless where it is gone. */
  remove(path: string): Promise<void>;
}

/** After any crash the file is what it was, or what it should become. */
export async function writeWhole(files: ReleaseFiles, path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.new`;
  await files.remove(beside);
  await files.write(beside, 0, bytes);
  await files.sync(beside);
  await files.rename(beside, path);
}
