import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededEntropy, createVirtualClock } from '@starling/federation';
import { expect, onTestFinished, test } from 'vitest';
import { openAgentDatabase } from '../state/database.js';
import { openTelemetryBuffer } from './buffer.js';
import { telemetryMigrations } from './buffer-tables.js';
import { startForwarding } from './forward.js';
import { defaultForwarder } from './forwarder.js';
import type { TelemetryLink } from './link.js';
import { defaultTelemetry } from './streams.js';

test('a connection that closes before it is open is opened again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-forward-'));
  const database = openAgentDatabase(folder, telemetryMigrations);
  const clock = createVirtualClock();
  const entropy = createSeededEntropy(1);
  const link: TelemetryLink = { kind: 'grpc', send: async () => {}, close() {} };
  const told: string[] = [];
  let opened = 0;
  const forwarding = startForwarding({
    buffer: openTelemetryBuffer(database, defaultTelemetry, entropy),
    streams: defaultTelemetry.streams,
    clock,
    entropy,
    settings: defaultForwarder,
    log: { info: (fields) => void told.push(JSON.stringify(fields)), warn() {}, error() {} },
    async openLink(events) {
      opened += 1;
      if (opened === 1) events.onClosed('the broker went away');
      return link;
    },
  });
  onTestFinished(() => {
    forwarding.close();
    database.close();
    rmSync(folder, { recursive: true });
  });
  await expect.poll(() => told).toContain('{"why":"the broker went away"}');
  expect(forwarding.link()).toBeUndefined();
  clock.advance(60_000);
  await expect.poll(() => forwarding.link()).toBe('grpc');
  expect(opened).toBe(2);
});
