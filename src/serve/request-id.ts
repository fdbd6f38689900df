import { randomUUID } from "node:crypto";
import type { MiddlewareHandler } from "hono";

/** A client's own id that is taken over: letters that no log and no header is hurt by. */
const SANE = /^[\w.:-]{1,128}$/;

/** Puts `x-request-id` on every answer: the client's own where it sent one, else a new one. */
export const identified: MiddlewareHandler = async (c, next) => {
  const given = c.req.header("x-request-id") ?? "";
  await next();
  c.res.headers.set("x-request-id", SANE.test(given) ? given : `req_${randomUUID()}`);
};
