import { unsupported } from "../problem.ts";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const two = (value: number): string => String(value).padStart(2, "0");
const blank = (value: number): string => String(value).padStart(2, " ");
const hour12 = (now: Date): number => now.getHours() % 12 || 12;

/** Directives of C's strftime in the C locale, of the local time. */
const DIRECTIVES: Readonly<Record<string, (now: Date) => string>> = {
  a: (now) => (DAYS[now.getDay()] ?? "").slice(0, 3),
  A: (now) => DAYS[now.getDay()] ?? "",
  b: (now) => (MONTHS[now.getMonth()] ?? "").slice(0, 3),
  h: (now) => (MONTHS[now.getMonth()] ?? "").slice(0, 3),
  B: (now) => MONTHS[now.getMonth()] ?? "",
  d: (now) => two(now.getDate()),
  e: (now) => blank(now.getDate()),
  m: (now) => two(now.getMonth() + 1),
  y: (now) => two(now.getFullYear() % 100),
  Y: (now) => String(now.getFullYear()),
  H: (now) => two(now.getHours()),
  I: (now) => two(hour12(now)),
  M: (now) => two(now.getMinutes()),
  S: (now) => two(now.getSeconds()),
  p: (now) => (now.getHours() < 12 ? "AM" : "PM"),
  f: (now) => `${String(now.getMilliseconds()).padStart(3, "0")}000`,
  j: (now) => String(dayOfYear(now)).padStart(3, "0"),
  u: (now) => String(now.getDay() || 7),
  w: (now) => String(now.getDay()),
  F: (now) => `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`,
  T: (now) => `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`,
  R: (now) => `${two(now.getHours())}:${two(now.getMinutes())}`,
  D: (now) => `${two(now.getMonth() + 1)}/${two(now.getDate())}/${two(now.getFullYear() % 100)}`,
  // glibc's own flags, which leave out the zero before a single digit.
  "-d": (now) => String(now.getDate()),
  "-m": (now) => String(now.getMonth() + 1),
  "-H": (now) => String(now.getHours()),
  "-I": (now) => String(hour12(now)),
  "-M": (now) => String(now.getMinutes()),
  "-S": (now) => String(now.getSeconds()),
  "-j": (now) => String(dayOfYear(now)),
  n: () => "\n",
  t: () => "\t",
  Z: () => "",
  z: () => "",
  "%": () => "%",
};

/** Python's `datetime.now().strftime(format)`, which has no time zone. */
export function strftime(now: Date, format: string): string {
  return format.replaceAll(/%(-?[^]?)/gu, (whole, directive: string) => {
    const write = DIRECTIVES[directive];
    if (write === undefined) throw unsupported(`strftime's ${whole}`);
    return write(now);
  });
}

function dayOfYear(now: Date): number {
  const begin = Date.UTC(now.getFullYear(), 0, 1);
  const today = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  return Math.round((today - begin) / 86_400_000) + 1;
}
