/** Apart from the door, so that who only reads the configuration loads no MQTT. */
export const questionFormats = ['json', 'f32'] as const;

export type QuestionFormat = (typeof questionFormats)[number];
