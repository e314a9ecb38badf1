import {
  ArtifactService,
  addService,
  type Connection,
  connect,
  createClient,
  createServer,
  type DownloadArtifactResponse,
  type Handlers,
  listen,
  RoundService,
  StarlingError,
} from '../index.js';

type RoundHandlers = Handlers<typeof RoundService>;
type ArtifactHandlers = Handlers<typeof ArtifactService>;

const open: { stop(): void; connection: Connection }[] = [];

/** Ends what a test started; for `afterEach`. */
export function stopAll(): void {
  for (const { stop, connection } of open.splice(0)) {
    connection.close();
    stop();
  }
}

/** A real server on loopback; methods that a test does not name refuse as unimplemented. */
export async function start(given: { round?: Partial<RoundHandlers>; artifact?: Partial<ArtifactHandlers> }) {
  const refuse = async (): Promise<never> => {
    throw new StarlingError({ code: 'NOT_HERE', status: 'unimplemented', message: 'Not in this test.' });
  };
  const internal: unknown[] = [];
  const server = createServer();
  const options = { onInternalError: (error: unknown) => void internal.push(error) };
  const round: RoundHandlers = {
    getRoundState: refuse,
    getUpload: refuse,
    uploadUpdate: refuse,
    reportEvaluation: refuse,
    reportFailure: refuse,
    ...given.round,
  };
  const artifact: ArtifactHandlers = {
    getArtifact: refuse,
    downloadArtifact: () => refuseStream(),
    ...given.artifact,
  };
  addService(server, RoundService, round, options);
  addService(server, ArtifactService, artifact, options);
  const listener = await listen(server, '127.0.0.1', 0);
  const { port } = listener;
  const connection = connect(`127.0.0.1:${port}`, { security: { kind: 'plaintext' } });
  const stop = (): void => {
    listener.close();
    server.forceShutdown();
    listener.cutOff();
  };
  open.push({ stop, connection });
  return {
    stop,
    port,
    internal,
    connection,
    round: createClient(RoundService, connection),
    artifact: createClient(ArtifactService, connection),
  };
}

async function* refuseStream(): AsyncGenerator<DownloadArtifactResponse> {
  yield* [];
  throw new StarlingError({ code: 'NOT_HERE', status: 'unimplemented', message: 'Not in this test.' });
}

export const key = { runId: 'run-1', round: 1, attempt: 1 };
export const stateRequest = { round: key, deviceId: 'd' };
export const stateResponse = {
  stage: 'collect',
  selected: true,
  counted: false,
  deadlineMs: 5,
  reason: '',
} as const;

/** The error that a call fails with. */
export async function failure(promise: Promise<unknown>): Promise<StarlingError> {
  const error = await promise.then(
    () => new Error('the call went well'),
    (reason: unknown) => reason,
  );
  if (error instanceof StarlingError) return error;
  throw error;
}
