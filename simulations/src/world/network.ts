/**
 * Carries calls between simulated processes: late, lost, twice, or not at all while machines are parted. What a lost
 * message does is what it does over TCP: the connection breaks, and the caller hears of it after a while.
 */
import type { X509Certificate } from 'node:crypto';
import type { VirtualClock } from '@starling/federation';
import { type Connection, type InProcessServer, StarlingError, type TlsPeer } from '@starling/proto';
import type { Chance } from './chance.js';
import { type CallEnds, connectionEnds, silenceMs, unavailable, type Ways } from './connection-ends.js';
import { never, type SimulatedProcess } from './simulated-process.js';

export interface Weather {
  /** Longest way of one message, in milliseconds. */
  readonly delayMsMax: number;
  /** Share of messages on which the connection breaks. */
  readonly loss: number;
  /** Share of requests that arrive twice, as when a caller that heard nothing asks again. */
  readonly duplicates: number;
}

export const fairWeather: Weather = { delayMsMax: 5, loss: 0, duplicates: 0 };

/** What went over the wire, for those who check it. */
export interface Observer {
  onRequest?(call: ObservedCall, request: Uint8Array): void;
  /** An answer reached the caller. */
  onAnswer?(call: ObservedCall, request: Uint8Array, answer: Uint8Array): void;
}

export interface ObservedCall {
  readonly from: string;
  readonly path: string;
}

/** Changes what a client that misbehaves sends; gives the messages that arrive in its place. */
export type Tamper = (call: ObservedCall, request: Buffer, chance: Chance) => readonly Buffer[];

/** Changes what a client is told, by whoever stands on the way or in the coordinator's place. */
export type AnswerTamper = (call: ObservedCall, request: Buffer, answer: Buffer, chance: Chance) => Buffer;

export interface Listening {
  readonly process: SimulatedProcess;
  readonly server: InProcessServer;
}

export interface Network {
  weather: Weather;
  /** Machines that reach nobody. */
  readonly parted: Set<string>;
  readonly observers: Set<Observer>;
  /** By machine. */
  readonly tampers: Map<string, Tamper>;
  /** By the machine that is told. */
  readonly answerTampers: Map<string, AnswerTamper>;
  listen(listening: Listening): void;
  /** Who calls from an address. */
  peerAt(address: string): TlsPeer | undefined;
  connect(process: SimulatedProcess, certificate: X509Certificate | undefined, token?: string): Connection;
  part(machine: string): void;
  heal(machine: string): void;
}

export function createNetwork(clock: VirtualClock, chance: Chance): Network {
  let listening: Listening | undefined;
  let connections = 0;
  const peers = new Map<string, TlsPeer>();
  const breaking = new Set<(machine: string) => void>();

  const hop = (): Promise<void> =>
    new Promise((resolve) => void clock.schedule(chance.uniform() * network.weather.delayMsMax, resolve));
  const isParted = (process: SimulatedProcess): boolean =>
    network.parted.has(process.machine.name) || network.parted.has('coordinator');

  const ways: Ways = { clock, chance, breaking, hop };

  /** Where calls of the process go to now. */
  const reach = async (process: SimulatedProcess): Promise<Listening> => {
    if (!process.isAlive) return never();
    await hop();
    if (!process.isAlive) return never();
    if (isParted(process)) {
      await new Promise<void>((resolve) => void clock.schedule(silenceMs, resolve));
      throw unavailable('No connection: timed out.');
    }
    if (listening?.process.isAlive !== true) throw unavailable('No connection: refused.');
    return listening;
  };

  const network: Network = {
    weather: fairWeather,
    parted: new Set(),
    observers: new Set(),
    tampers: new Map(),
    answerTampers: new Map(),
    listen(next) {
      listening = next;
    },
    peerAt: (address) => peers.get(address),
    part(machine) {
      network.parted.add(machine);
      for (const notify of [...breaking]) notify(machine);
    },
    heal(machine) {
      network.parted.delete(machine);
    },

    connect(process, certificate, token) {
      connections += 1;
      const address = `${process.machine.name}:${connections}`;
      const closed: (() => void)[] = [];
      const closing = new AbortController();
      const base = {
        close: () => closing.abort(unavailable('The coordinator closed the connection.')),
        onClosed: (callback: () => void) => void closed.push(callback),
      };
      peers.set(
        address,
        certificate === undefined
          ? { ...base, kind: 'anonymous' }
          : { ...base, kind: 'certified', certificate },
      );
      const end = (): void => {
        peers.delete(address);
        for (const callback of closed.splice(0)) callback();
      };
      process.onKilled(end);
      const open = async (path: string, options: CallEnds) => {
        const reached = await reach(process);
        const controller = new AbortController();
        const ends = connectionEnds(ways, process, reached, (reason) => controller.abort(reason), options);
        const { deadlineAtMs } = options;
        const incoming = { path, peer: address, token, deadlineAtMs, signal: controller.signal };
        return { ...reached, ends, incoming, controller };
      };
      /** What arrives of a message: nothing where the way is cut or the connection breaks. */
      const arrives = (): boolean =>
        process.isAlive && !isParted(process) && !chance.happens(network.weather.loss);
      const sent = (path: string, request: Buffer): readonly Buffer[] => {
        const tamper = network.tampers.get(process.machine.name);
        const call = { from: process.machine.name, path };
        return tamper === undefined ? [request] : tamper(call, request, chance);
      };
      const told = (path: string, request: Buffer, answer: Buffer): Buffer => {
        const tamper = network.answerTampers.get(process.machine.name);
        return tamper === undefined ? answer : tamper(observe(path), request, answer, chance);
      };
      const observe = (path: string) => ({ from: process.machine.name, path });

      return {
        async unary(path, request, options) {
          options.signal?.throwIfAborted();
          const { server, process: host, ends, incoming } = await open(path, options);
          const serve = async (): Promise<Buffer> => {
            let answer: Promise<Buffer> | undefined;
            for (const message of sent(path, request)) {
              for (const { onRequest } of network.observers) onRequest?.(observe(path), message);
              answer = server.unary(incoming, message);
              answer.catch(() => {});
              if (chance.happens(network.weather.duplicates)) {
                const again = (): void => {
                  if (host.isAlive) server.unary(incoming, message).catch(() => {});
                };
                clock.schedule(chance.uniform() * 2_000, again);
              }
            }
            return answer ?? never();
          };
          try {
            if (!arrives()) ends.lose();
            else if (host.isAlive) {
              const answer = await Promise.race([serve(), ends.promise]);
              await hop();
              if (!arrives()) ends.lose();
              else {
                for (const { onAnswer } of network.observers) onAnswer?.(observe(path), request, answer);
                return told(path, request, answer);
              }
            }
            return await ends.promise;
          } finally {
            ends.end();
            if (!process.isAlive) await never();
          }
        },

        async *serverStream(path, request, options) {
          options.signal?.throwIfAborted();
          const { server, ends, incoming, controller } = await open(path, options);
          try {
            if (!arrives()) {
              ends.lose();
              await ends.promise;
            }
            const answers = server.serverStream(incoming, request)[Symbol.asyncIterator]();
            for (;;) {
              const next = await Promise.race([answers.next(), ends.promise]);
              if (next.done === true) return;
              if (!arrives()) {
                ends.lose();
                await ends.promise;
              }
              yield told(path, request, next.value);
            }
          } finally {
            ends.end();
            controller.abort(cancelled());
            if (!process.isAlive) await never();
          }
        },

        async clientStream(path, requests, options) {
          options.signal?.throwIfAborted();
          const { server, ends, incoming, controller } = await open(path, options);
          let sourceFailed: { readonly error: unknown } | undefined;
          const answered = new AbortController();
          const seen: Buffer[] = [];
          async function* messages(): AsyncGenerator<Buffer> {
            const source = toAsync(requests.source);
            try {
              for await (const message of source) {
                if (answered.signal.aborted) return;
                if (!arrives()) {
                  ends.lose();
                  await ends.promise;
                }
                for (const sentMessage of sent(path, requests.encode(message))) {
                  if (seen.length === 0) {
                    for (const { onRequest } of network.observers) onRequest?.(observe(path), sentMessage);
                  }
                  seen.push(sentMessage);
                  yield sentMessage;
                }
              }
            } catch (error) {
              if (!controller.signal.aborted) sourceFailed ??= { error };
              controller.abort(cancelled());
              throw cancelled();
            }
          }
          try {
            const answer = await Promise.race([server.clientStream(incoming, messages()), ends.promise]);
            await hop();
            if (!arrives()) {
              ends.lose();
              return await ends.promise;
            }
            for (const { onAnswer } of network.observers)
              onAnswer?.(observe(path), Buffer.concat(seen.slice(0, 1)), answer);
            return answer;
          } catch (error) {
            if (sourceFailed !== undefined && !(sourceFailed.error instanceof StarlingError))
              throw sourceFailed.error;
            throw error;
          } finally {
            answered.abort();
            ends.end();
            if (!process.isAlive) await never();
          }
        },

        close: end,
      };
    },
  };
  return network;
}

async function* toAsync(source: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<unknown> {
  yield* source;
}

function cancelled(): StarlingError {
  return new StarlingError({ code: 'CANCELLED', status: 'cancelled', message: 'The call was cancelled.' });
}
