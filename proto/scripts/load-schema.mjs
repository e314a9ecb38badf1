import { join } from 'node:path';
import protobuf from 'protobufjs';

/** Parses `files` (paths relative to `folder`, from where imports resolve too), with their comments. */
export function loadSchema(folder, files, options = {}) {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith(folder) ? target : join(folder, target));
  root.loadSync([...files], { alternateCommentMode: true, ...options });
  root.resolveAll();
  return root;
}
