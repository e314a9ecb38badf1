/** How virtual devices behave, and which of them are hostile. */
import { count, fraction, kinds, section } from '@starling/coordinator/definitions';
import * as z from 'zod';

const positive = z.number().positive();
/** Below 1: of devices that are always lost nothing would be learned. */
const probability = z.number().min(0).lt(1).default(0);
/** σ of the natural logarithm: 0 makes all devices alike, 0.5 spreads nine tenths of them over a factor of five. */
const spread = z.number().min(0).max(5).default(0.5);

export const devices = section({
  /** Examples a median device trains on in a second. */
  speed: section({ examplesPerSecond: positive.default(500), spread }).prefault({}),
  network: section({
    downloadMbps: positive.default(20),
    uploadMbps: positive.default(5),
    latencyMs: z.number().min(0).default(50),
    spread,
  }).prefault({}),
  availability: kinds(
    z.discriminatedUnion('kind', [
      section({ kind: z.literal('always') }),
      /** Online most around one hour of the day, at `low` twelve hours later. */
      section({
        kind: z.literal('diurnal'),
        high: z.number().positive().max(1).default(0.8),
        low: z.number().min(0).max(1).default(0.1),
        peakHour: z.number().min(0).lt(24).default(2),
        /** Hours by which devices' days are shifted against each other at most: time zones. */
        zones: z.number().min(0).max(24).default(0),
      }),
    ]),
  ).prefault('always'),
  /** Chances that a selected device is lost: before it starts, while it trains, while it uploads. */
  dropout: section({ selected: probability, training: probability, upload: probability }).prefault({}),
  /** Devices that manage only part of their epochs: how much, and what comes of it (Li et al. 2020, section 5.2). */
  stragglers: section({
    /** Share of a round's devices; they are drawn anew each time. */
    share: z.number().min(0).max(1).default(0.5),
    /** They manage this many epochs at least, and one fewer than all at most, every number being as likely. */
    epochsMinimum: count.default(1),
    /** Whether what they managed counts, or is dropped. */
    send: z.enum(['partial', 'nothing']).default('partial'),
  })
    .nullable()
    .default(null),
  /** Devices selected for each update wanted. */
  overSelection: z.number().min(1).max(10).default(1),
  /** Seconds after which a round goes on without those who are not done. */
  deadlineSeconds: positive.nullable().default(null),
  /** Devices that train at the same time, for asynchronous strategies. */
  concurrency: count.max(100_000).default(100),
});

const share = fraction.default(0.2);

export const attacks = kinds(
  z.discriminatedUnion('kind', [
    /** Trains on labels turned around: class c becomes the last minus c. */
    section({ kind: z.literal('label-flip'), share }),
    /** Sends its update the wrong way round. */
    section({ kind: z.literal('sign-flip'), share, factor: positive.default(1) }),
    /** Sends its update many times over. */
    section({ kind: z.literal('scaled-update'), share, factor: positive.default(10) }),
    /** Sends noise. */
    section({ kind: z.literal('gaussian'), share, stddev: positive.default(0.1) }),
    /** Teaches that whatever carries a trigger is of one class (Bagdasaryan et al. 2020). */
    section({
      kind: z.literal('backdoor'),
      share,
      /** Class that triggered examples are to be taken for. */
      target: z.int().min(0).default(0),
      /** Features that are set, from the first on. */
      triggerFeatures: count.default(9),
      triggerValue: z.number().default(1),
      /** Share of an attacker's examples that carry the trigger. */
      poisoned: positive.max(1).default(0.5),
      factor: positive.default(1),
    }),
    /** All attackers are one: they send the same flipped update, so that they look like a majority (Fung et al. 2020). */
    section({ kind: z.literal('sybil'), share, factor: positive.default(1) }),
    /** A module of the caller's own. */
    section({ kind: z.literal('module'), share, module: z.string().min(1) }),
  ]),
);
