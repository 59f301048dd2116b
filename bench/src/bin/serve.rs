//! One contestant under HTTP load: `serve bare 8080` or `serve wellspring 8080`.

use wellspring_bench::{Failure, web};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let contestant = arguments.next().unwrap_or_default();
    let port = arguments.next().ok_or("expected a port")?.parse()?;
    match contestant.as_str() {
        "bare" => web::serve_bare(port).await,
        "wellspring" => web::serve_wellspring(port).await,
        other => Err(format!("`{other}` is no contestant, expected `bare` or `wellspring`").into()),
    }
}
