/** A part of the page that may be a frame behind. */
import { Component, type ComponentChildren } from "preact";
import { after_paint } from "./frames";

/** Draws its children anew only once the rest of the page is painted: the next task does not wait for them. */
export class Late extends Component<{ children: ComponentChildren }> {
  private take_back: (() => void) | null = null;

  override shouldComponentUpdate(): boolean {
    this.take_back ??= after_paint(() => {
      this.take_back = null;
      this.forceUpdate();
    });
    return false;
  }

  override componentWillUnmount(): void {
    this.take_back?.();
  }

  override render() {
    return this.props.children;
  }
}
