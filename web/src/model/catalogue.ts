/** The node types that the server knows, as `GET /api/v1/nodes` tells them. */

import type { Json } from "./graph";

export interface WidgetSpec {
  /** Slider, Number, Multiple, Seed, Choice, Text, TextArea, Prompt, Colour, Expression, FilePath, NewPath, or a pack's own (`CheckpointName` … with `options`). */
  widget: string;
  minimum?: number | null;
  maximum?: number | null;
  step?: number | null;
  unit?: string;
  options?: string[];
  placeholder?: string;
  suffixes?: string[];
  folder?: boolean;
  kind?: string;
  optional?: boolean;
  [key: string]: unknown;
}

export interface InputSpec {
  name: string;
  type: string;
  required: boolean;
  default?: Json;
  widget?: WidgetSpec;
}

export interface OutputSpec {
  name: string;
  type: string;
}

export interface NodeSpec {
  id: string;
  version: number;
  title: string;
  category: string;
  doc: string;
  inputs: InputSpec[];
  outputs: OutputSpec[];
  writes: boolean;
  volatile: boolean;
  source: string;
}

export interface SocketTypeSpec {
  name: string;
  colour: string;
  shape: string;
  bases: string[];
}

export interface Conversion {
  source: string;
  target: string;
  node: string;
}

export interface Catalogue {
  version: string;
  nodes: ReadonlyMap<string, NodeSpec>;
  types: ReadonlyMap<string, SocketTypeSpec>;
  conversions: readonly Conversion[];
}
