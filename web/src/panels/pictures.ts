/** Files that runs made, as pictures to show. */

import { fileUrl } from "../api/client";
import type { OutputFile, RunOutput } from "../store/runs";
import type { Picture } from "./Lightbox";

export function isPicture(file: { path: string; media_type: string }): boolean {
  return file.media_type.startsWith("image/") || /\.(png|jpe?g|webp|gif|avif)$/i.test(file.path);
}

export function pictureOf(file: OutputFile): Picture {
  return {
    url: fileUrl(file.kind, file.path),
    thumb: fileUrl(file.kind, file.path, 256),
    title: file.path,
    hasGraph: file.kind === "output" && /\.png$/i.test(file.path),
    width: file.width,
    height: file.height,
  };
}

export function picturesOf(outputs: readonly RunOutput[]): Picture[] {
  const seen = new Set<string>();
  const pictures: Picture[] = [];
  for (const output of outputs) {
    for (const file of output.files) {
      const picture = pictureOf(file);
      if (!isPicture(file) || seen.has(picture.url)) continue;
      seen.add(picture.url);
      pictures.push(picture);
    }
  }
  return pictures;
}
