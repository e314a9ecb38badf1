/** Serves what the model directory holds, through the doors that are asked for. */
import type { Clock } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import type { Door } from '../http-doors.js';
import { type ModelDirectory, openModelDirectory } from './model-directory.js';
import {
  createInferenceService,
  defaultInferenceSettings,
  type InferenceService,
  type InferenceSettings,
} from './service.js';

export interface ServingOptions {
  /** Folder with `NAME/VERSION/model.onnx`. */
  readonly modelsFolder: string;
  /** `host:port` of the HTTP door; none where it is absent. */
  readonly http?: string | undefined;
  /** `host:port` of the gRPC door; none where it is absent. */
  readonly grpc?: string | undefined;
  readonly settings?: Partial<InferenceSettings> | undefined;
  readonly bodyBytesMax?: number | undefined;
  /** Lets others load what they serve, before anybody can ask. */
  readonly prepare?: ((service: InferenceService, directory: ModelDirectory) => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Serving {
  readonly service: InferenceService;
  readonly directory: ModelDirectory;
  readonly addresses: { readonly http?: string; readonly grpc?: string };
  /** Loads the version that is to serve, tries it, lets it take over, and frees the one before. */
  switchTo(name: string, version: string): Promise<void>;
  close(): Promise<void>;
}

/** @throws InferenceError where a model that is to serve cannot; the doors are not opened then */
export async function startServing(options: ServingOptions): Promise<Serving> {
  const { modelsFolder, clock, log } = options;
  const service = createInferenceService(clock, { ...defaultInferenceSettings, ...options.settings });
  const directory = openModelDirectory(modelsFolder);
  const doors: Door[] = [];
  const onInternalError = (error: unknown): void =>
    log.error({ error: error instanceof Error ? error.message : String(error) }, 'A request failed here.');
  try {
    for (const name of (await directory.list()).keys()) {
      const version = await directory.serving(name);
      if (version === undefined) continue;
      await service.load(name, version, await directory.read(name, version));
      service.activate(name, version);
      log.info({ model: name, version }, `Serves ${name}, version ${version}.`);
    }
    await options.prepare?.(service, directory);
    const addresses: { http?: string; grpc?: string } = {};
    if (options.http !== undefined) {
      const { openHttpDoor } = await import('./http/server.js');
      const limits = options.bodyBytesMax === undefined ? {} : { bodyBytesMax: options.bodyBytesMax };
      const door = await openHttpDoor(service, {
        ...hostAndPort(options.http),
        ...limits,
        clock,
        onInternalError,
      });
      doors.push(door);
      addresses.http = door.address;
    }
    if (options.grpc !== undefined) {
      const { openGrpcDoor } = await import('./grpc/server.js');
      const door = await openGrpcDoor(service, { ...hostAndPort(options.grpc), clock, onInternalError });
      doors.push(door);
      addresses.grpc = door.address;
    }
    return {
      service,
      directory,
      addresses,
      async switchTo(name, version) {
        const before = service.isReady(name) ? service.describe(name).version : undefined;
        if (before === version) return;
        await service.load(name, version, await directory.read(name, version));
        await directory.choose(name, version);
        service.activate(name, version);
        if (before !== undefined) await service.unload(name, before);
      },
      close: () => close(doors, service),
    };
  } catch (error) {
    await close(doors, service);
    throw error;
  }
}

async function close(doors: readonly Door[], service: InferenceService): Promise<void> {
  await Promise.all(doors.map((door) => door.close()));
  await service.close();
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}
