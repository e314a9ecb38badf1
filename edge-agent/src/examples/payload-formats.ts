/** How examples arrive. */
export const payloadFormats = ['json', 'csv', 'f32', 'sparkplug'] as const;

export type PayloadFormat = (typeof payloadFormats)[number];
