/**
 * Tells systemd that the service is ready, and that its event loop still turns (sd_notify(3), sd_watchdog_enabled(3)).
 * Node has no datagram sockets in the file system, so that `systemd-notify` carries the words; the unit says
 * `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process';
import type { Clock, Scheduled } from '@starling/federation';

export interface SystemdOptions {
  /** `NOTIFY_SOCKET` and `WATCHDOG_USEC`, as systemd sets them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** The program that carries the words; `systemd-notify` unless told. */
  readonly command?: string | undefined;
}

export interface SystemdNotifier {
  /** Says that the service stops; harmless when repeated. */
  close(): void;
}

/** Does nothing where the process is no service of systemd. */
export function notifySystemd({
  environment,
  clock,
  command = 'systemd-notify',
}: SystemdOptions): SystemdNotifier {
  if (!environment.NOTIFY_SOCKET) return { close() {} };
  // Where it fails, systemd restarts the service by its own rules; there is nobody else to tell.
  const say = (words: string): void => void execFile(command, [words], { env: { ...environment } }, () => {});
  say('READY=1');
  const watchdogMs = Number(environment.WATCHDOG_USEC ?? 0) / 1000;
  let next: Scheduled | undefined;
  let isStopping = false;
  const alive = (): void => {
    say('WATCHDOG=1');
    // Half of it, as sd_watchdog_enabled(3) recommends.
    next = clock.schedule(watchdogMs / 2, alive);
  };
  if (watchdogMs > 0) alive();
  return {
    close() {
      if (isStopping) return;
      isStopping = true;
      next?.cancel();
      say('STOPPING=1');
    },
  };
}
