// The shapes that several scripts share, for the type checker alone: no browser reads this file. What the server sends
// is named as the server names it.

import type * as Leaflet from "leaflet";

declare global {
  interface Window {
    L?: typeof Leaflet;
    leaflet?: unknown;
  }

  interface HTMLImageElement {
    /** Of a tile's picture: how much came over the network. */
    bytes?: number;
  }

  /** West, south, east, north in degrees; or left, top, right, bottom in pixels. */
  type Box = [number, number, number, number];
  /** A point as GeoJSON has it, longitude first; or x and y in an image. */
  type Pair = [number, number];
  type Ring = Pair[];
  type Corners = [Pair, Pair];
  type Point = { x: number; y: number };
  type Direction = "left" | "right" | "up" | "down";

  /** What the tag leaflet_map writes of LEAFLET_CONFIG. */
  interface MapSettings {
    center?: Leaflet.LatLngExpression | null;
    zoom?: number | null;
    minzoom?: number | null;
    maxzoom?: number | null;
    extent?: null;
    layers?: [string, string, object][];
  }

  // --- the desk

  type Verdict = "mining" | "not_mining" | "unsure" | "mixed";
  type Label = { verdict: Verdict; lookAlike: string };
  type LabelEntry = { superpixel: number; piece?: number; verdict: Verdict; lookAlike?: string };
  type Change = { before: Label | null; after: Label | null };
  type Shape = { path: Path2D; box: Box };
  type Numbers = { numbers: Uint16Array; columns: number; rows: number };
  type FetchOptions = { priority?: RequestPriority; signal?: AbortSignal };

  interface Tile {
    id: number;
    segmented_tile: number;
    region: string;
    image: string;
    raster: string;
    pieces: string;
    width: number;
    height: number;
    scale: number;
    superpixels: number;
    latitude: number | null;
    longitude: number | null;
    capture_date: string | null;
    source: { attribution: string };
    suggestions: { probabilities: number[]; threshold: number } | null;
    settled: number[];
    escalated: number[];
    counts: boolean;
    lease_until: string | null;
    mine: { submission: string; labels: (Omit<LabelEntry, "lookAlike"> & { look_alike: string })[] } | null;
  }

  /** A tile with what is needed to show it, and what became of it in this sitting. */
  interface Loaded {
    tile: Tile;
    raster: import("../../static/js/labeling/tile/raster.js").Raster;
    picture: HTMLImageElement;
    shapes: Shape[];
    reading: number[];
    pieces?: import("../../static/js/labeling/tile/pieces.js").Pieces;
    bytes?: number;
    addresses?: string[];
    released?: boolean;
    sharpening?: Promise<boolean> | null;
    magnifying?: Promise<boolean> | null;
    fetchingPieces?: Promise<void> | null;
    draft?: LabelEntry[] | null;
    submission?: string | null;
    lost?: boolean;
    givenBack?: Promise<unknown> | null;
    unusable?: boolean;
  }

  /** A tile on the stage. */
  interface Current extends Loaded {
    painting: import("../../static/js/labeling/tile/history.js").Painting;
  }

  type SessionCounts = { tiles_today: number };
  type NothingLeft = { reason: string; message: string };
  type Found = { loaded: Loaded; labels?: LabelEntry[]; submission?: string | null; draft?: LabelEntry[] | null };
  type Mail = { state: string; waiting: number; tiles: number[]; pending: number };
  type OutboxEntry = {
    kind: "submit" | "withdraw";
    id: string;
    tile: number;
    labels?: LabelEntry[];
    decides?: boolean;
    order: number;
    volunteer: string;
    at: number;
  };
  type Receipt = { session: SessionCounts; message: string };
  type OtherDate = { image: string; box: Box; capture_date: string | null };
  type Action = {
    id: string;
    command: string;
    argument?: string;
    key: string;
    name: string;
    button?: HTMLElement;
  };
  type DeskPage = {
    volunteer: string;
    region: string;
    tile: number | null;
    escalated: boolean;
    session: SessionCounts;
    urls: Record<string, string>;
  };
  type DeskStage = import("../../static/js/labeling/tile/stage.js").Stage;
  type DeskSession = import("../../static/js/labeling/desk/session.js").Session;
  type DeskParts = { session: DeskSession; stage: DeskStage };

  // --- releases and the public map

  type YearSums = { places: number; hectares: number };
  type SquareCell = { x: number; y: number; searched: number; years: Map<string, YearSums> };
  type Squares = { zoom: number; cells: Map<string, SquareCell>; most: number };
  type PlaceDate = { place: string; capture_date: string | null; bounds: Box };
  type PlaceFacts = {
    hectares: number | null;
    capture_date: string | null;
    picture: boolean;
    source: string;
    tile: Box;
    dates?: PlaceDate[];
  };
  type PlaceFeature = {
    type: "Feature";
    id: string;
    bbox: Box;
    properties: PlaceFacts;
    geometry: { type: "MultiPolygon"; coordinates: Ring[][] };
  };
  type Ground = { features: PlaceFeature[]; searched: Box[] };
  type District = {
    name: string;
    names?: Record<string, string>;
    bbox: Box;
    geometry: { type: "MultiPolygon"; coordinates: Ring[][] };
  };
  type NamedPlace = [string, Record<string, string> | null, number, number];
  type PlaceId = [string, number, number];
  type DistrictFigures = {
    name: string;
    label: string;
    places: number;
    hectares: number;
    years: Record<string, YearSums>;
  };
  type Padding = { topLeft?: Pair; bottomRight?: Pair };
  /** What a report is about. */
  type Subject = { place?: string; latitude: number; longitude: number; pointed?: boolean };
  type SearchChoice = {
    kind: "district" | "name" | "place" | "point";
    label: string;
    name?: string;
    id?: string;
    latitude?: number;
    longitude?: number;
  };
  type MapPage = {
    files: string;
    bounds: Box | null;
    placePage: string;
    anyPlace: string;
    picture: string;
    reports: string;
    release: number;
    number: number | null;
    hectares: number | null;
    years: Record<string, YearSums & { tiles: number }>;
    districts: DistrictFigures[];
    place: (PlaceFacts & { place: string; latitude: number; longitude: number }) | null;
  };

  // --- review

  /** A detection as the counts see it. */
  type Standing = { state: string; since?: string; carried?: boolean; waits?: boolean };
  type GalleryPage = {
    numbers: number[];
    cells: number;
    first: number;
    at: number | null;
    most: number;
    written: number[];
    way: Record<string, string>;
    urls: Record<string, string>;
  };
  type Answer = { detection: number; outcome: string; message: string; review: number; state: string };

  // --- jobs

  type JobState = {
    state?: string;
    progress_done?: number;
    progress_total?: number;
    message?: string;
    error?: string;
  };
}

// What Leaflet has and its types leave out, and what django-leaflet adds.
declare module "leaflet" {
  interface MapOptions {
    /** Of the desk's stage: where the tile lies. */
    tileBounds?: LatLngBounds;
  }

  interface Map {
    _animatingZoom?: boolean;
    _latLngToNewLayerPoint(latlng: LatLng, zoom: number, center: LatLng): Point;
  }

  namespace Map {
    function djangoMap(element: HTMLElement, options: MapOptions & { djoptions: MapSettings }): Map;
  }

  function imageOverlay(
    image: HTMLImageElement,
    bounds: LatLngBoundsExpression,
    options?: ImageOverlayOptions,
  ): ImageOverlay;

  interface GridLayer {
    _tileCoordsToBounds(coords: Coords): LatLngBounds;
  }

  interface Renderer {
    _container: HTMLElement;
    _bounds: Bounds;
    _zoom: number;
    _update(): void;
  }
}
