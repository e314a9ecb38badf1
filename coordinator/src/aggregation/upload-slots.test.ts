import { expect, test } from 'vitest';
import { createUploadSlots } from './upload-slots.js';

const calm = new AbortController().signal;

test('no more are served at once than there are slots, and the others in the order in which they came', async () => {
  const slots = createUploadSlots(2);
  const leaveFirst = await slots.enter(calm);
  const leaveSecond = await slots.enter(calm);
  const order: string[] = [];
  const enter = async (name: string) => {
    const leave = await slots.enter(calm);
    order.push(name);
    return leave;
  };
  const third = enter('third');
  const fourth = enter('fourth');
  expect([slots.served, slots.waiting]).toEqual([2, 2]);
  leaveSecond();
  const leaveThird = await third;
  // A slot is given back once, however often its holder says so.
  leaveSecond();
  expect([order, slots.served, slots.waiting]).toEqual([['third'], 2, 1]);
  leaveFirst();
  (await fourth)();
  leaveThird();
  expect([order, slots.served, slots.waiting]).toEqual([['third', 'fourth'], 0, 0]);
});

test('who gives up while waiting takes nobody’s turn', async () => {
  const slots = createUploadSlots(1);
  const leave = await slots.enter(calm);
  const impatient = new AbortController();
  const given = slots.enter(impatient.signal);
  const patient = slots.enter(calm);
  impatient.abort(new Error('gone'));
  await expect(given).rejects.toThrow('gone');
  leave();
  (await patient)();
  expect([slots.served, slots.waiting]).toEqual([0, 0]);
  await expect(slots.enter(impatient.signal)).rejects.toThrow('gone');
});

test('when too many wait, who comes is told to come back', async () => {
  const slots = createUploadSlots(1);
  const leave = await slots.enter(calm);
  const waiting = Array.from({ length: 64 }, () => slots.enter(calm).then((done) => done()));
  await expect(slots.enter(calm)).rejects.toMatchObject({
    refusal: { code: 'UPLOADS_BUSY', status: 'resource-exhausted', retryAfterMs: 5_000 },
  });
  leave();
  await Promise.all(waiting);
  expect(slots.served).toBe(0);
});
