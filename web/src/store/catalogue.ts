/** The catalogue, once it is loaded. */

import { create } from "zustand";
import type { Catalogue } from "../model/catalogue";

export interface CatalogueState {
  catalogue: Catalogue;
  loaded: boolean;
  fault: string;
}

export const EMPTY: Catalogue = {
  version: "",
  nodes: new Map(),
  types: new Map(),
  conversions: [],
};

export const useCatalogue = create<CatalogueState>()(() => ({
  catalogue: EMPTY,
  loaded: false,
  fault: "",
}));
