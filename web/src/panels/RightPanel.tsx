export function RightPanel() {
  return null;
}
