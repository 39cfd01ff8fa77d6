// Decimal text, digit for digit: whole units and how many places they have.

function decimal(text) {
  const [whole, part = ""] = text.split(".");
  return { units: BigInt(whole + part), places: part.length };
}

function written(units, places) {
  const digits = String(units < 0n ? -units : units).padStart(places + 1, "0");
  const sign = units < 0n ? "-" : "";
  return places ? `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}` : sign + digits;
}

function product(one, other) {
  const [a, b] = [decimal(one), decimal(other)];
  return written(a.units * b.units, a.places + b.places);
}

function sum(one, other) {
  const [a, b] = [decimal(one), decimal(other)];
  const places = Math.max(a.places, b.places);
  return written(a.units * 10n ** BigInt(places - a.places) + b.units * 10n ** BigInt(places - b.places), places);
}

// The quotient, half to even; the divisor is above 0.
function quotient(dividend, divisor) {
  const negative = dividend < 0n;
  const size = negative ? -dividend : dividend;
  let found = size / divisor;
  const twice = (size % divisor) * 2n;
  if (twice > divisor || (twice === divisor && found % 2n === 1n)) found += 1n;
  return negative ? -found : found;
}

// part / whole with so many places; null where there is no whole above 0.
function ratio(part, whole, places) {
  if (part === null || whole === null) return null;
  const [a, b] = [decimal(part), decimal(whole)];
  if (b.units <= 0n) return null;
  const dividend = a.units * 10n ** BigInt(b.places + places);
  return written(quotient(dividend, b.units * 10n ** BigInt(a.places)), places);
}

function rounded(text, places) {
  const { units, places: has } = decimal(text);
  if (has <= places) return written(units * 10n ** BigInt(places - has), places);
  return written(quotient(units, 10n ** BigInt(has - places)), places);
}

function grouped(text) {
  const [whole, part] = text.split(".");
  const shown = whole.replace(/\B(?=(\d{3})+$)/g, ",").replace("-", "\u2212");
  return part === undefined ? shown : `${shown}.${part}`;
}

const NONE = "\u2013";

function money(text) {
  return text === null ? NONE : grouped(rounded(text, 2));
}

function price(text) {
  const [, part = ""] = text.split(".");
  return grouped(rounded(text, part.replace(/0+$/, "").length > 2 ? 4 : 2));
}

function quantity(text) {
  return grouped(text.includes(".") ? text.replace(/\.?0+$/, "") : text);
}

function percent(text, places = 2) {
  if (text === null) return NONE;
  const { units } = decimal(rounded(text, places + 2));
  return `${grouped(written(units, places))}\u00a0%`;
}

function counted(number, one) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : `${one}s`}`;
}
