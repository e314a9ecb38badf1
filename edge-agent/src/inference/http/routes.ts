/** The paths of the Open Inference Protocol over HTTP. */

export type Route =
  | { readonly kind: 'server-metadata' }
  | { readonly kind: 'live' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'models' }
  | {
      readonly kind: 'model-metadata' | 'model-ready' | 'infer' | 'statistics';
      readonly model: string;
      readonly version: string | undefined;
    };

const modelPath = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer|stats))?$/;

const modelKinds = { ready: 'model-ready', infer: 'infer', stats: 'statistics' } as const;

/** The route of a URL's path and the method it takes; undefined where there is none. */
export function routeOf(url: string): Route | undefined {
  const [path] = url.split('?', 1);
  switch (path) {
    case '/v2':
      return { kind: 'server-metadata' };
    case '/v2/health/live':
      return { kind: 'live' };
    case '/v2/health/ready':
      return { kind: 'ready' };
    case '/v2/models':
      return { kind: 'models' };
  }
  const found = modelPath.exec(path);
  if (found === null) return undefined;
  const model = decoded(found[1]);
  const version = found[2] === undefined ? undefined : decoded(found[2]);
  if (model === undefined || (found[2] !== undefined && version === undefined)) return undefined;
  const kind = found[3] === undefined ? 'model-metadata' : modelKinds[found[3] as keyof typeof modelKinds];
  return { kind, model, version };
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
