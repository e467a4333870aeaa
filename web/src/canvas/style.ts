import type { CSSProperties } from "react";

/** Custom properties for `style`: set one by one through the CSSOM, as the page's policy wants. */
export function vars(values: Record<`--${string}`, string | number>): CSSProperties {
  return values as CSSProperties;
}
