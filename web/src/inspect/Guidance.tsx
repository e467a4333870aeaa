export function Guidance() {
  return null;
}
