/** What happens once when the page opens. */
export function useStart(): void {}
