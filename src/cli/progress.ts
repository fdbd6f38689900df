import type { ProgressEvent } from "./command.ts";
import { printable } from "./printable.ts";

/** Least time between two drawings, in milliseconds: a bar ten times a second, a plain line once a minute. */
const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 60_000;

/** The first plain line of a phase comes after so many milliseconds, so that a log soon shows that work is going on. */
const FIRST_LINE_MS = 5000;

/** What is used of the stream that progress goes to. */
export type ProgressStream = Pick<NodeJS.WriteStream, "isTTY" | "columns"> & {
  write(text: string): unknown;
};

export interface ProgressDrawer {
  draw(event: ProgressEvent): void;
  /** Takes the bar off the screen, so that other text can follow. */
  clear(): void;
}

/** Progress on `stream`: one line redrawn on a terminal, occasional plain lines elsewhere. */
export function progressDrawer(stream: ProgressStream): ProgressDrawer {
  let phase = "";
  let startedAt = 0;
  let drawnAt = 0;
  let shown = false;
  return {
    draw(event) {
      const now = performance.now();
      if (event.phase !== phase) {
        phase = event.phase;
        startedAt = now;
        drawnAt = stream.isTTY ? 0 : now + FIRST_LINE_MS - LINE_INTERVAL_MS;
      }
      if (now - drawnAt < (stream.isTTY ? BAR_INTERVAL_MS : LINE_INTERVAL_MS)) return;
      drawnAt = now;
      const line = renderProgress(
        event,
        (now - startedAt) / 1000,
        stream.isTTY ? stream.columns : 0,
      );
      stream.write(stream.isTTY ? `\r\x1B[2K${line}` : `${line}\n`);
      shown = stream.isTTY;
    },
    clear() {
      if (shown) stream.write("\r\x1B[2K");
      shown = false;
    },
  };
}

/** One line: phase, share, amount, rate, time left, item; cut to `columns` when that is not 0. */
export function renderProgress(event: ProgressEvent, seconds: number, columns: number): string {
  const { phase, done, total, unit, item } = event;
  const amount = (value: number): string =>
    unit === "bytes" ? renderBytes(value) : `${Math.round(value)}`;
  const rate = seconds > 0 ? done / seconds : 0;
  const parts = [phase];
  if (total > 0) parts.push(`${Math.floor((done / total) * 100)}%`);
  parts.push(
    `${amount(done)}${total > 0 ? ` of ${amount(total)}` : ""}${unit === "bytes" ? "" : ` ${unit}`}`,
  );
  if (rate > 0) {
    parts.push(unit === "bytes" ? `${renderBytes(rate)}/s` : `${rate.toFixed(1)} ${unit}/s`);
    if (total > done) parts.push(`${renderSeconds((total - done) / rate)} left`);
  }
  if (item !== undefined) parts.push(printable(item));
  const line = parts.join("  ");
  return columns > 0 && line.length >= columns ? line.slice(0, columns - 1) : line;
}

/** `13.6 GB`, decimal units. */
export function renderBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let index = 0;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return `${index === 0 ? Math.round(value) : value.toPrecision(3)} ${units[index] ?? ""}`;
}

/** `1:05` or `2:03:00`. */
export function renderSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const tail = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}
