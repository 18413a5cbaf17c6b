// The shapes that several scripts share, for the type checker alone: no browser reads this file. What the server sends
// is named as the server names it. Classes of other modules are named here, too: an import() in a comment of a script
// would be one for collectstatic, which gives files their hashed names.

import type * as Leaflet from "leaflet";

declare global {
  type LeafletModule = typeof Leaflet;
  type Painting = import("../../static/js/labeling/tile/history.js").Painting;
  type Fragments = import("../../static/js/labeling/tile/fragments.js").Fragments;
  type Raster = import("../../static/js/labeling/tile/raster.js").Raster;
  type Brush = import("../../static/js/labeling/desk/brush.js").Brush;
  type ReleaseData = import("../../static/js/labeling/releases/data.js").ReleaseData;
  type SquaresLayer = import("../../static/js/labeling/releases/layers.js").SquaresLayer;
  type ReportPanel = import("../../static/js/labeling/reports/panel.js").ReportPanel;

  interface Window {
    L?: LeafletModule;
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
    raster: Raster;
    picture: HTMLImageElement;
    shapes: Shape[];
    reading: number[];
    fragments?: Fragments;
    bytes?: number;
    addresses?: string[];
    released?: boolean;
    sharpening?: Promise<boolean> | null;
    magnifying?: Promise<boolean> | null;
    fetchingFragments?: Promise<void> | null;
    draft?: LabelEntry[] | null;
    submission?: string | null;
    lost?: boolean;
    givenBack?: Promise<unknown> | null;
    unusable?: boolean;
  }

  /** A tile on the stage. */
  interface Current extends Loaded {
    painting: Painting;
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

  type TracedRaster = Numbers & { scale: number; count: number; width: number; height: number };
  /** Of a lesson: what is known of a superpixel, and what somebody said of it. */
  type KnownAnswer = { verdict: Verdict; look_alike: string; why: string };
  type GivenAnswer = { superpixel: number; right: boolean; said: Verdict; answer: KnownAnswer };

  // --- releases and the public map

  type YearSums = { places: number; hectares: number };
  type SquareCell = { x: number; y: number; searched: number; years: Map<string, YearSums> };
  type Squares = { zoom: number; cells: Map<string, SquareCell>; most: number };
  type PlaceDate = { place: string; capture_date: string | null; bounds: Box };
  type PlaceFacts = {
    hectares: number | null;
    corrected?: boolean; // not in files of releases before it was told
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

  type IndexedChoice = SearchChoice & { names: string[]; folded: string[] };

  // --- review

  /** What a key does on a page, or null where it means nothing. */
  /** Whole superpixels and [superpixel, fragment] of mixed ones. */
  type Correction = { superpixels: number[]; fragments: number[][] };
  type Pressed = (key: string, event: KeyboardEvent) => (() => unknown) | null;
  /** What was sent in one go and can be taken back. */
  type Decision = { turn: number; settled: Promise<unknown>; reviews: number[] };

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

  // --- of one module each: said here, they do not travel to readers

  type ApiQuery = Record<string, string | number | boolean | null | undefined>;
  type ApiOptions = { query?: ApiQuery; signal?: AbortSignal; headers?: Record<string, string>; keepalive?: boolean };
  type MapWishes = {
    label?: string;
    bounds?: Leaflet.LatLngBoundsExpression | null;
    padding?: Padding;
    attribution?: string;
    grid?: boolean;
    zoomPosition?: Leaflet.ControlPosition;
    scalePosition?: Leaflet.ControlPosition;
  };
  type ToastAction = { label: string; href?: string; run?: () => void };
  type WatchedRun = {
    state: string;
    progress_done: number;
    progress_total: number;
    rate: number | null;
    seconds_left: number | null;
    tiles_done: number;
    tiles_failed: number;
    shards_done: number;
    detections: number;
  };
  type OneLesson = {
    id: number;
    tile: Tile;
    answers: Record<number, KnownAnswer>;
    passed: boolean;
    loading?: Promise<Loaded> | null;
  };
  type OutboxShelf = {
    all: () => Promise<OutboxEntry[]>;
    add: (entry: Omit<OutboxEntry, "order">) => Promise<unknown>;
    remove: (order: number) => Promise<unknown>;
  };
  type OutboxParts = {
    volunteer: string;
    urls: Record<string, string>;
    onState: (told: Mail) => void;
    onReceipt: (receipt: Receipt, entry: OutboxEntry) => void;
    onRefused: (error: Error, entry: OutboxEntry) => void;
  };
  type CardFacts = {
    number: number | null;
    permalink: string;
    picture: string;
    report: () => void;
    compare: () => void;
  };
  type PlaceChange = {
    kind: number;
    place: string;
    latitude: number;
    longitude: number;
    hectares: number;
    reason: string;
  };
  type ChangeShown = { change: PlaceChange; feature: PlaceFeature; side: number };
  type ComparedRelease = { name: string; files: string; picture: string; place: string; map: string };
  type ChangeRow = [number, string, number, number, number, number];
  type Strokes = {
    mayPaint: () => boolean;
    begin: (stroke: { erase: boolean }) => void;
    reach: (x: number, y: number) => void;
    drawn: (event: PointerEvent) => void;
    end: () => void;
    abort: () => void;
    hover: (x?: number, y?: number) => void;
  };
  type HeldPointer = { pointer: number; x: number; y: number };
  type Hands = {
    onTick: (number: number, wanted: boolean, ranged: boolean) => void;
    onFocus: (number: number) => void;
    onHold: (number: number) => void;
    onOpen: (number: number) => void;
    onLeave: (number: number) => void;
  };
  type NextTile = NothingLeft & { tile: Tile | null; session: SessionCounts };
  type ById = { (id: string): HTMLElement; <T extends Element>(id: string, kind: new () => T): T };
  type QueryOne = {
    (root: ParentNode, selector: string): HTMLElement;
    <T extends Element>(root: ParentNode, selector: string, kind: new () => T): T;
  };
  type QueryAll = {
    (root: ParentNode, selector: string): HTMLElement[];
    <T extends Element>(root: ParentNode, selector: string, kind: new () => T): T[];
  };
  type TileQueueCalls = {
    ask: (wanted: { held: number[]; skipped: boolean }) => Promise<NextTile>;
    held: () => number[];
    onSession: (counts: SessionCounts) => void;
  };
  type KeyCalls = {
    press: (name: string, argument: unknown, event: KeyboardEvent) => boolean;
    lift: (name: string) => void;
  };
  type SwipeImages = {
    here: { capture_date: string | null; tile: Box; picture: string };
    dates: (PlaceDate & { picture: string })[];
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
