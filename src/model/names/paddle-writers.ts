/** Programs that write weights of Paddle, each under names and in layouts of its own. */
export const PADDLE_WRITERS = ["paddlenlp", "paddleformers", "erniekit"] as const;
export type PaddleWriter = (typeof PADDLE_WRITERS)[number];
