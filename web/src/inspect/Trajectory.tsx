export function Trajectory() {
  return null;
}
