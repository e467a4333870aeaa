/** A mask as the list of what was done to it, so that every step can be taken back. */

export interface Stroke {
  kind: "stroke";
  /** In pixels of the picture. */
  points: readonly (readonly [number, number])[];
  size: number;
  /** 0 is a hard edge, 1 one as wide as the brush. */
  soft: number;
  erase: boolean;
}

export type Act = Stroke | { kind: "invert" } | { kind: "clear" } | { kind: "fill" };

export interface Sheet {
  acts: readonly Act[];
  undone: readonly Act[];
}

export const BLANK: Sheet = { acts: [], undone: [] };

export function did(sheet: Sheet, act: Act): Sheet {
  return { acts: [...sheet.acts, act], undone: [] };
}

export function undone(sheet: Sheet): Sheet {
  const last = sheet.acts.at(-1);
  return last ? { acts: sheet.acts.slice(0, -1), undone: [...sheet.undone, last] } : sheet;
}

export function redone(sheet: Sheet): Sheet {
  const last = sheet.undone.at(-1);
  return last ? { acts: [...sheet.acts, last], undone: sheet.undone.slice(0, -1) } : sheet;
}

type Context = CanvasRenderingContext2D;

/** What is painted is white, the rest transparent. */
export function draw(context: Context, acts: readonly Act[]): void {
  const { width, height } = context.canvas;
  context.clearRect(0, 0, width, height);
  for (const act of acts) drawAct(context, act);
}

export function drawAct(context: Context, act: Act): void {
  const { width, height } = context.canvas;
  context.save();
  context.fillStyle = "#fff";
  if (act.kind === "stroke") drawStroke(context, act);
  else if (act.kind === "clear") context.clearRect(0, 0, width, height);
  else {
    // White where there was nothing, nothing where there was white.
    if (act.kind === "invert") context.globalCompositeOperation = "source-out";
    context.fillRect(0, 0, width, height);
  }
  context.restore();
}

/** The line is drawn beside the canvas and its shadow on it: the shadow alone has a soft edge. */
function drawStroke(context: Context, stroke: Stroke): void {
  const aside = context.canvas.width + stroke.size * 4;
  const blur = stroke.soft * stroke.size;
  context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = "#fff";
  context.lineWidth = Math.max(1, stroke.size - blur / 2);
  let shift = 0;
  if (blur > 0.5) {
    shift = aside;
    context.shadowColor = "#fff";
    context.shadowBlur = blur;
    context.shadowOffsetX = aside;
  }
  const [first, ...rest] = stroke.points;
  if (!first) return;
  context.beginPath();
  context.moveTo(first[0] - shift, first[1]);
  // A dab is a line to the place where it begins.
  for (const [x, y] of rest.length > 0 ? rest : [first]) context.lineTo(x - shift + 0.01, y);
  context.stroke();
}

/** The mask as a file: white where it was painted, black elsewhere. */
export function maskFile(canvas: HTMLCanvasElement, name: string): Promise<File> {
  const out = document.createElement("canvas");
  out.width = canvas.width;
  out.height = canvas.height;
  const context = out.getContext("2d");
  if (context) {
    context.fillStyle = "#000";
    context.fillRect(0, 0, out.width, out.height);
    context.drawImage(canvas, 0, 0);
  }
  return new Promise((give, fail) => {
    out.toBlob(
      (blob) =>
        blob ? give(new File([blob], name, { type: "image/png" })) : fail(new Error("no picture")),
      "image/png",
    );
  });
}
